{{- define "oauthgw.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains "oauthgw" .Release.Name -}}
{{- .Release.Name -}}
{{- else -}}
{{- printf "%s-oauthgw" .Release.Name | trunc 57 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "oauthgw.selectorLabels" -}}
app.kubernetes.io/name: oauthgw
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "oauthgw.labels" -}}
{{ include "oauthgw.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "oauthgw.metadata" -}}
name: {{ include "oauthgw.fullname" . }}
labels:
  {{- include "oauthgw.labels" . | nindent 2 }}
{{- end -}}

{{- define "oauthgw.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "oauthgw.port" -}}{{ regexFind "[0-9]+$" .Values.config.listen }}{{- end -}}
{{- define "oauthgw.adminPort" -}}{{ regexFind "[0-9]+$" .Values.config.admin.listen }}{{- end -}}

{{- define "oauthgw.portOf" -}}
{{- $url := urlParse . -}}
{{- $default := dict "https" "443" "http" "80" "redis" "6379" "rediss" "6379" -}}
{{- regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) | default (get $default $url.scheme) -}}
{{- end -}}

{{- /* The configuration with what the values redis add to it. */ -}}
{{- define "oauthgw.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- with .Values.redis -}}
{{- if .url -}}
{{- if dig "state" "redis" "" $.Values.config -}}
{{- fail "redis.url, config.state.redis: set only one of them" -}}
{{- end -}}
{{- $state := dict "redis" .url "insecure_plaintext" .insecurePlaintext -}}
{{- with .passwordSecret }}{{ $_ := set $state "password_file" "/run/redis/password" }}{{ end -}}
{{- with .caConfigMap }}{{ $_ := set $state "ca_file" "/run/redis-ca/ca.crt" }}{{ end -}}
{{- $_ := set $config "state" $state -}}
{{- end -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{- /* The assertions of all clients, as a list. */ -}}
{{- define "oauthgw.assertions" -}}
{{- $all := list -}}
{{- range .Values.config.clients -}}
{{- with . }}{{ with .assertions }}{{ $all = concat $all . }}{{ end }}{{ end -}}
{{- end -}}
{{- toYaml $all -}}
{{- end -}}

{{- /* The ports to which the gateway connects, separated by spaces. */ -}}
{{- define "oauthgw.upstreamPorts" -}}
{{- $config := include "oauthgw.config" . | fromYaml -}}
{{- include "oauthgw.portOf" $config.upstream.url -}}
{{- with dig "state" "redis" "" $config }}{{ if not (hasPrefix "unix:" .) }} {{ include "oauthgw.portOf" . }}{{ end }}{{ end -}}
{{- range include "oauthgw.assertions" . | fromYamlArray -}}
{{- with .jwks_uri }} {{ include "oauthgw.portOf" . }}{{ end -}}
{{- end -}}
{{- end -}}

{{- /* 90 % of the memory limit. The garbage collector then works harder before the kernel kills the process. */ -}}
{{- define "oauthgw.goMemLimit" -}}
{{- $limit := .Values.resources.limits.memory -}}
{{- $mebibytes := regexFind "^[0-9]+" $limit | int -}}
{{- if hasSuffix "Gi" $limit -}}{{- $mebibytes = mul $mebibytes 1024 -}}{{- end -}}
{{- div (mul $mebibytes 9) 10 -}}MiB
{{- end -}}

{{- /* The origin that clients use, if the values name it. */ -}}
{{- define "oauthgw.publicURL" -}}
{{- if .Values.config.public_url -}}
{{- .Values.config.public_url -}}
{{- else if .Values.httpRoute.enabled -}}
{{- with .Values.httpRoute.hostnames -}}https://{{ first . }}{{- end -}}
{{- else if .Values.ingress.enabled -}}
https://{{ first .Values.ingress.hosts }}
{{- end -}}
{{- end -}}

{{- /* What the containers of all pods share. */ -}}
{{- define "oauthgw.container" -}}
image: {{ include "oauthgw.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  readOnlyRootFilesystem: true
  allowPrivilegeEscalation: false
  capabilities: {drop: [ALL]}
  seccompProfile: {type: RuntimeDefault}
env:
  - {name: GOMEMLIMIT, value: {{ include "oauthgw.goMemLimit" . }}}
  {{- with .Values.env }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
volumeMounts:
  # The directory, because a file mounted by subPath never changes.
  - {name: config, mountPath: /etc/oauthgw, readOnly: true}
  {{- range $name, $_ := .Values.secrets }}
  - {name: secret-{{ $name }}, mountPath: /run/secrets/{{ $name }}, readOnly: true}
  {{- end }}
  {{- range $name, $_ := .Values.configMaps }}
  - {name: config-map-{{ $name }}, mountPath: /run/config-maps/{{ $name }}, readOnly: true}
  {{- end }}
  {{- if .Values.redis.passwordSecret }}
  - {name: redis, mountPath: /run/redis, readOnly: true}
  {{- end }}
  {{- if .Values.redis.caConfigMap }}
  - {name: redis-ca, mountPath: /run/redis-ca, readOnly: true}
  {{- end }}
{{- end -}}

{{- define "oauthgw.pod" -}}
# The gateway does not use the Kubernetes API.
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - {name: {{ . }}}
  {{- end }}
{{- end }}
volumes:
  - name: config
    configMap: {name: {{ include "oauthgw.fullname" . }}}
  {{- range $name, $secret := .Values.secrets }}
  - name: secret-{{ $name }}
    secret: {secretName: {{ $secret }}}
  {{- end }}
  {{- range $name, $configMap := .Values.configMaps }}
  - name: config-map-{{ $name }}
    configMap: {name: {{ $configMap }}}
  {{- end }}
  {{- with .Values.redis.passwordSecret }}
  - name: redis
    secret: {secretName: {{ . }}}
  {{- end }}
  {{- with .Values.redis.caConfigMap }}
  - name: redis-ca
    configMap: {name: {{ . }}}
  {{- end }}
{{- end -}}

{{- /* What Prometheus calls the release. */ -}}
{{- define "oauthgw.job" -}}
{{- printf "%s/%s" .Release.Namespace (include "oauthgw.fullname" .) -}}
{{- end -}}

{{- define "oauthgw.metricsEndpoint" -}}
- port: admin
  path: /metrics
  {{- with .interval }}
  interval: {{ . }}
  {{- end }}
  # The alerts find the gateway by this job.
  relabelings:
    - {targetLabel: job, replacement: {{ .job }}}
{{- end -}}
