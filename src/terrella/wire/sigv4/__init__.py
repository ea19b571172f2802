"""Signature Version 4: whose request it is and for which region and service; whether its signature holds; signing.

``credential_scope`` reads and believes, which is all that loopback asks for. ``Verifier`` believes nothing. After "AWS
Signature Version 4 for API requests" in the IAM User Guide.
"""

from terrella.wire.sigv4.scope import Scope, credential_scope
from terrella.wire.sigv4.signing import AccessKey, sign
from terrella.wire.sigv4.verifying import Grant, Verifier

__all__ = ["AccessKey", "Grant", "Scope", "Verifier", "credential_scope", "sign"]
