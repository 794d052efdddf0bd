"""Where pods may run: affinity and topology, shaped as Kubernetes shapes them."""

from typing import Annotated, Literal

from pydantic import Field

from trainingjob.api.base import Model
from trainingjob.api.lists import ATOMIC
from trainingjob.api.pod_fields import Labels, Name, ShortText

Values = Annotated[list[ShortText], Field(max_length=256), ATOMIC]
Weight = Annotated[int, Field(ge=1, le=100)]


class NodeRequirement(Model):
    """A condition on a label or field of a node."""

    key: Name = Field(description="The label's or field's key.")
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"] = Field(description="How it is compared.")
    values: Values | None = Field(None, description="The values that it is compared with.")


Requirements = Annotated[list[NodeRequirement], Field(max_length=32), ATOMIC]


class NodeTerm(Model):
    """Conditions that must all hold of a node."""

    match_expressions: Requirements | None = Field(None, description="Conditions on labels.")
    match_fields: Requirements | None = Field(None, description="Conditions on fields.")


class NodeSelector(Model):
    """Terms of which one must hold of a node."""

    node_selector_terms: Annotated[list[NodeTerm], Field(max_length=32), ATOMIC] = Field(description="The terms.")


class PreferredNodeTerm(Model):
    """A term that is better fulfilled than not."""

    weight: Weight = Field(description="How much better.")
    preference: NodeTerm = Field(description="The term.")


class NodeAffinity(Model):
    """Which nodes the pods must or should run on."""

    required_during_scheduling_ignored_during_execution: NodeSelector | None = Field(
        None, description="What must hold of the node."
    )
    preferred_during_scheduling_ignored_during_execution: (
        Annotated[list[PreferredNodeTerm], Field(max_length=32), ATOMIC] | None
    ) = Field(None, description="What should hold of the node.")


class LabelRequirement(Model):
    """A condition on a label."""

    key: Name = Field(description="The label's key.")
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"] = Field(description="How it is compared.")
    values: Values | None = Field(None, description="The values that it is compared with.")


class LabelSelector(Model):
    """Conditions on labels that must all hold."""

    match_labels: Labels | None = Field(None, description="Labels with their values.")
    match_expressions: Annotated[list[LabelRequirement], Field(max_length=32), ATOMIC] | None = Field(
        None, description="Conditions on labels."
    )


class PodTerm(Model):
    """Pods to be near to, or far from."""

    label_selector: LabelSelector | None = Field(None, description="Which pods.")
    namespaces: Values | None = Field(None, description="In which namespaces; the pod's own when not given.")
    namespace_selector: LabelSelector | None = Field(None, description="In namespaces with which labels.")
    topology_key: Name = Field(description="The label of nodes that says what near means.")
    match_label_keys: Values | None = Field(None, description="Labels of the pod that the others must share.")
    mismatch_label_keys: Values | None = Field(None, description="Labels of the pod that the others must not share.")


PodTerms = Annotated[list[PodTerm], Field(max_length=32), ATOMIC]


class PreferredPodTerm(Model):
    """A term that is better fulfilled than not."""

    weight: Weight = Field(description="How much better.")
    pod_affinity_term: PodTerm = Field(description="The term.")


PreferredPodTerms = Annotated[list[PreferredPodTerm], Field(max_length=32), ATOMIC]


class PodAffinity(Model):
    """Which pods the job's pods must or should be near to, or far from."""

    required_during_scheduling_ignored_during_execution: PodTerms | None = Field(None, description="What must hold.")
    preferred_during_scheduling_ignored_during_execution: PreferredPodTerms | None = Field(
        None, description="What should hold."
    )


class Affinity(Model):
    """Where the pods must or should run."""

    node_affinity: NodeAffinity | None = Field(None, description="Which nodes.")
    pod_affinity: PodAffinity | None = Field(None, description="Near which pods.")
    pod_anti_affinity: PodAffinity | None = Field(None, description="Far from which pods.")


class TopologySpread(Model):
    """How evenly the pods of the job are spread over zones, racks or nodes."""

    max_skew: Annotated[int, Field(ge=1)] = Field(description="By how many pods two places may differ.")
    topology_key: Name = Field(description="The label of nodes that names the place.")
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"] = Field(
        description="What happens when it cannot be."
    )
    label_selector: LabelSelector | None = Field(
        None, description="Which pods are counted; all pods of the job when not given."
    )
    min_domains: Annotated[int, Field(ge=1)] | None = Field(None, description="How many places there must be.")
    node_affinity_policy: Literal["Honor", "Ignore"] | None = Field(None, description="Whether node affinity counts.")
    node_taints_policy: Literal["Honor", "Ignore"] | None = Field(None, description="Whether taints count.")
    match_label_keys: Values | None = Field(None, description="Labels of the pod that counted pods must share.")
