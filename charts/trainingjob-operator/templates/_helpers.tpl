{{- define "trainingjob.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 53 | trimSuffix "-" -}}
{{- end -}}

{{/* The release's name, with the chart's unless the release is called after it already. */}}
{{- define "trainingjob.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 53 | trimSuffix "-" -}}
{{- else if contains (include "trainingjob.name" .) .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "trainingjob.name" .) | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Names of objects outside namespaces carry the release's namespace: two installations must not fight over them. */}}
{{- define "trainingjob.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "trainingjob.fullname" .) -}}
{{- end -}}

{{- define "trainingjob.selector" -}}
app.kubernetes.io/name: {{ include "trainingjob.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "trainingjob.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "trainingjob.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "trainingjob.serviceAccount" -}}
{{- default (include "trainingjob.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "trainingjob.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* What the operator does in each namespace of training jobs. */}}
{{- define "trainingjob.jobRules" -}}
- apiGroups: [trainingjob.dev]
  resources: [trainingjobs]
  verbs: [get, list, watch, delete]
- apiGroups: [trainingjob.dev]
  resources: [trainingjobs/status]
  verbs: [patch]
# Children block the deletion of their job; some clusters let only those set that who may change its finalizers.
- apiGroups: [trainingjob.dev]
  resources: [trainingjobs/finalizers]
  verbs: [update]
# Patched is activeDeadlineSeconds alone: a pod that is to upload what it has written is ended and not deleted.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, create, delete, patch]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, delete]
# TensorBoards, of jobs that ask for one; deleted with their Services when their time is over.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, create, delete]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [create]
# The SSH keys of MPI jobs; nothing is read back, so nobody's Secrets are shown to the operator.
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- if .Values.gangSchedulers.volcano }}
- apiGroups: [scheduling.volcano.sh]
  resources: [podgroups]
  verbs: [get, create, delete]
{{- end }}
{{- if .Values.gangSchedulers.coscheduling }}
- apiGroups: [scheduling.x-k8s.io]
  resources: [podgroups]
  verbs: [get, create, delete]
{{- end }}
{{- end -}}
