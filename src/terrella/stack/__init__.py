"""A SAM or CloudFormation template, evaluated for one region and turned into a plan.

``load_template`` reads and translates (cached), ``evaluate`` resolves it for one region, ``coverage`` says what becomes
of each resource and property here, ``plan`` what has to be done to get from one stack to the next. What is known of
resource types is data, in ``support/``.
"""

from terrella.stack.coverage import Coverage, coverage
from terrella.stack.errors import TemplateError
from terrella.stack.evaluation import evaluate
from terrella.stack.parameters import unset_parameters
from terrella.stack.plan import Action, Instruction, plan
from terrella.stack.resources import Resource, Stack
from terrella.stack.support import Verdict
from terrella.stack.template import Template, load_template

__all__ = [
    "Action",
    "Coverage",
    "Instruction",
    "Resource",
    "Stack",
    "Template",
    "TemplateError",
    "Verdict",
    "coverage",
    "evaluate",
    "load_template",
    "plan",
    "unset_parameters",
]
