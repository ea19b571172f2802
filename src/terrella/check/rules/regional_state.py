"""What AWS keeps in one region only, and an application cannot do without."""

import re
from collections.abc import Callable, Iterator, Mapping

from terrella.check.findings import Rule, Severity
from terrella.check.source import Declared, texts
from terrella.check.view import WorldView

_SCRATCH = re.compile(
    r"log|artifact|artefact|deploy|temp|staging|website|static|asset|access|audit|code|pipeline|public", re.IGNORECASE
)


def _always(_: Declared) -> bool:
    return True


def _has_no(name: str) -> Callable[[Declared], bool]:
    return lambda one: not one.properties.get(name)


def _holds_data(one: Declared) -> bool:
    """A bucket that is neither replicated nor plainly filled by a deployment or with logs."""
    is_scratch = _SCRATCH.search(one.logical_id) or "WebsiteConfiguration" in one.properties
    return not (
        is_scratch or "ReplicationConfiguration" in one.properties or "LifecycleConfiguration" in one.properties
    )


def _is_generated(one: Declared) -> bool:
    return "GenerateSecretString" in one.properties and not one.properties.get("ReplicaRegions")


_KEPT: Mapping[str, tuple[Callable[[Declared], bool], str]] = {
    "AWS::Cognito::UserPool": (_always, "users who sign up here are unknown elsewhere, and so are their tokens"),
    "AWS::Cognito::IdentityPool": (_always, "identities that it gives are unknown elsewhere"),
    "AWS::SecretsManager::Secret": (_is_generated, "each region generates another secret"),
    "AWS::S3::Bucket": (_holds_data, "objects that are put here, no other region has"),
    "AWS::RDS::DBInstance": (_has_no("DBClusterIdentifier"), "its data is in one region"),
    "AWS::RDS::DBCluster": (_has_no("GlobalClusterIdentifier"), "its data is in one region"),
    "AWS::DocDB::DBCluster": (_has_no("GlobalClusterIdentifier"), "its data is in one region"),
    "AWS::Neptune::DBCluster": (_always, "its data is in one region"),
    "AWS::MemoryDB::Cluster": (_has_no("MultiRegionClusterName"), "its data is in one region"),
    "AWS::ElastiCache::ReplicationGroup": (_has_no("GlobalReplicationGroupId"), "what it holds is in one region"),
    "AWS::EFS::FileSystem": (_has_no("ReplicationConfiguration"), "its files are in one region"),
    "AWS::OpenSearchService::Domain": (_always, "its index is in one region"),
    "AWS::Elasticsearch::Domain": (_always, "its index is in one region"),
    "AWS::Timestream::Table": (_always, "its data is in one region"),
}


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    if len(view.regions) < 2:
        return
    shown = {
        re.split(r"\W", text.removeprefix("${"))[0]
        for distribution in view.declared("AWS::CloudFront::Distribution")
        for _, text in texts(distribution.properties)
    }
    for one in view.declared(*_KEPT):
        applies, what = _KEPT[one.type]
        is_website = one.type == "AWS::S3::Bucket" and one.logical_id in shown  # its files come by deployment
        if applies(one) and not is_website and view.regions_making(one):
            yield view.line("Resources", one.logical_id), f"{one.logical_id} ({one.type}) is kept per region: {what}"


RULE = Rule(
    id="regional-state",
    number=9119,
    severity=Severity.WARNING,
    alone=Severity.NOTE,
    explanation="AWS keeps it in the region where it was made. When clients are sent to another region it is not"
    " there, or is another one; when the region is lost, so is what it held.",
    fix="Use what AWS replicates (ReplicaRegions of a secret, replication of a bucket, a global database"
    " or datastore, an identity provider outside the regions), or write down why each region may "
    "have its own.",
    find=_find,
)
