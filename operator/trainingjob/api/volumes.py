"""The volumes that a job may mount: the types that the restricted Pod Security level allows, no others."""

from typing import Annotated, Literal

from pydantic import Field

from trainingjob.api.base import Model
from trainingjob.api.lists import ATOMIC
from trainingjob.api.pod_fields import (
    Annotations,
    FieldRef,
    Labels,
    Name,
    NameReference,
    Quantities,
    Quantity,
    ResourceFieldRef,
    ShortText,
)

Mode = Annotated[int, Field(ge=0, le=0o777)]


class KeyToPath(Model):
    """A key and the file that it becomes."""

    key: Name = Field(description="The key.")
    path: ShortText = Field(description="The file's path within the volume.")
    mode: Mode | None = Field(None, description="The file's permission bits.")


Items = Annotated[list[KeyToPath], Field(max_length=256), ATOMIC]


class ConfigMapVolume(Model):
    """The keys of a ConfigMap as files."""

    name: Name = Field(description="The ConfigMap's name.")
    items: Items | None = Field(None, description="Which keys; all when not given.")
    default_mode: Mode | None = Field(None, description="The files' permission bits.")
    optional: bool | None = Field(None, description="Whether the ConfigMap may be missing.")


class SecretVolume(Model):
    """The keys of a Secret as files."""

    secret_name: Name = Field(description="The Secret's name.")
    items: Items | None = Field(None, description="Which keys; all when not given.")
    default_mode: Mode | None = Field(None, description="The files' permission bits.")
    optional: bool | None = Field(None, description="Whether the Secret may be missing.")


class EmptyDirVolume(Model):
    """A folder that lives as long as the pod."""

    medium: Literal["", "Memory"] | None = Field(None, description="Memory for a RAM disk.")
    size_limit: Quantity | None = Field(None, description="The most that it may hold.")


class PersistentVolumeClaimVolume(Model):
    """A PersistentVolumeClaim of the job's namespace."""

    claim_name: Name = Field(description="The claim's name.")
    read_only: bool | None = Field(None, description="Whether it is mounted read-only.")


class DownwardFile(Model):
    """A file that holds a field of the pod."""

    path: ShortText = Field(description="The file's path within the volume.")
    field_ref: FieldRef | None = Field(None, description="The field of the pod.")
    resource_field_ref: ResourceFieldRef | None = Field(None, description="The resource of a container.")
    mode: Mode | None = Field(None, description="The file's permission bits.")


DownwardFiles = Annotated[list[DownwardFile], Field(max_length=64), ATOMIC]


class DownwardAPIVolume(Model):
    """Fields of the pod as files."""

    items: DownwardFiles | None = Field(None, description="The files.")
    default_mode: Mode | None = Field(None, description="The files' permission bits.")


class ConfigMapProjection(Model):
    """Keys of a ConfigMap within a projected volume."""

    name: Name = Field(description="The ConfigMap's name.")
    items: Items | None = Field(None, description="Which keys; all when not given.")
    optional: bool | None = Field(None, description="Whether the ConfigMap may be missing.")


class SecretProjection(Model):
    """Keys of a Secret within a projected volume."""

    name: Name = Field(description="The Secret's name.")
    items: Items | None = Field(None, description="Which keys; all when not given.")
    optional: bool | None = Field(None, description="Whether the Secret may be missing.")


class DownwardAPIProjection(Model):
    """Fields of the pod within a projected volume."""

    items: DownwardFiles | None = Field(None, description="The files.")


class ServiceAccountTokenProjection(Model):
    """A token of the pod's service account for one audience."""

    path: ShortText = Field(description="The file's path within the volume.")
    audience: ShortText | None = Field(None, description="Whom the token is for.")
    expiration_seconds: Annotated[int, Field(ge=600)] | None = Field(None, description="The token's life.")


class ProjectedSource(Model):
    """One source of a projected volume: exactly one of these."""

    config_map: ConfigMapProjection | None = Field(None, description="Keys of a ConfigMap.")
    secret: SecretProjection | None = Field(None, description="Keys of a Secret.")
    downward_api: DownwardAPIProjection | None = Field(None, description="Fields of the pod.", alias="downwardAPI")
    service_account_token: ServiceAccountTokenProjection | None = Field(None, description="A service account's token.")


class ProjectedVolume(Model):
    """Several sources in one folder."""

    sources: Annotated[list[ProjectedSource], Field(max_length=32), ATOMIC] = Field(description="The sources.")
    default_mode: Mode | None = Field(None, description="The files' permission bits.")


class CSIData(Model):
    """Which volume a CSI driver is to give to a pod."""

    driver: Name = Field(description="The driver's name.")
    fs_type: ShortText | None = Field(None, description="The file system.")
    volume_attributes: Annotated[dict[str, ShortText], Field(max_length=64)] | None = Field(
        None, description="The driver's own settings."
    )
    node_publish_secret_ref: NameReference | None = Field(None, description="The Secret for the driver.")


class CSIVolume(CSIData):
    """A volume of a CSI driver that lives as long as the pod."""

    read_only: bool | None = Field(None, description="Whether it is mounted read-only.")


class TypedReference(Model):
    """An object that a claim is filled from."""

    api_group: ShortText | None = Field(None, description="The object's API group; the core group when not given.")
    kind: Name = Field(description="The object's kind.")
    name: Name = Field(description="The object's name.")


class ClaimResources(Model):
    """How much an ephemeral volume holds."""

    requests: Quantities = Field(description="How much it must hold: storage: 10Gi.")
    limits: Quantities | None = Field(None, description="How much it may hold.")


AccessMode = Literal["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"]


class ClaimSpec(Model):
    """What an ephemeral volume asks for."""

    access_modes: Annotated[list[AccessMode], Field(min_length=1, max_length=4), ATOMIC] = Field(
        description="How it is accessed: ReadWriteOnce, …."
    )
    resources: ClaimResources = Field(description="How much it holds.")
    storage_class_name: ShortText | None = Field(None, description="The storage class; the default one when not given.")
    volume_attributes_class_name: ShortText | None = Field(None, description="The volume attributes class.")
    data_source: TypedReference | None = Field(None, description="What the volume is filled from.")


class ClaimMetadata(Model):
    """Labels and annotations of an ephemeral volume's claim."""

    labels: Labels | None = Field(None, description="Labels of the claim.")
    annotations: Annotations | None = Field(None, description="Annotations of the claim.")


class ClaimTemplate(Model):
    """The claim of an ephemeral volume."""

    metadata: ClaimMetadata | None = Field(None, description="Labels and annotations.")
    spec: ClaimSpec = Field(description="What the claim asks for.")


class EphemeralVolume(Model):
    """A volume of a storage class that lives as long as the pod."""

    volume_claim_template: ClaimTemplate = Field(description="The claim that is made for each pod.")


class Volume(Model):
    """A volume of the pods: a name and exactly one source."""

    name: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")] = Field(
        description="The name that volumeMounts refer to."
    )
    config_map: ConfigMapVolume | None = Field(None, description="The keys of a ConfigMap as files.")
    secret: SecretVolume | None = Field(None, description="The keys of a Secret as files.")
    empty_dir: EmptyDirVolume | None = Field(None, description="A folder that lives as long as the pod.")
    persistent_volume_claim: PersistentVolumeClaimVolume | None = Field(None, description="A PersistentVolumeClaim.")
    projected: ProjectedVolume | None = Field(None, description="Several sources in one folder.")
    downward_api: DownwardAPIVolume | None = Field(None, description="Fields of the pod as files.", alias="downwardAPI")
    csi: CSIVolume | None = Field(None, description="A volume of a CSI driver that lives as long as the pod.")
    ephemeral: EphemeralVolume | None = Field(
        None, description="A volume of a storage class that lives as long as the pod."
    )


class VolumeMount(Model):
    """Where a volume stands in the training container."""

    name: Annotated[str, Field(min_length=1, max_length=63)] = Field(description="The volume's name.")
    mount_path: Annotated[str, Field(min_length=1, max_length=4096)] = Field(description="The path in the container.")
    sub_path: ShortText | None = Field(None, description="The path within the volume; its root when not given.")
    sub_path_expr: ShortText | None = Field(None, description="The same with $(NAME) of environment variables.")
    read_only: bool | None = Field(None, description="Whether it is mounted read-only.")
