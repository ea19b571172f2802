"""A SAM or CloudFormation template, evaluated for one region and turned into a plan."""
