{{- /* Variables of the server, by name, as a map. Those of env win over the chart's defaults. */}}
{{- define "entrepot.env" -}}
{{- $values := .Values }}
{{- $isCluster := eq $values.mode "cluster" }}
{{- $env := dict "ENTREPOT_HOST" "0.0.0.0" "ENTREPOT_PORT" "8420" "ENTREPOT_DATA_DIR" "/data/entrepot" }}
{{- $_ := set $env "ENTREPOT_GRPC_PORT" (ternary "8421" "off" $values.grpc.enabled) }}
{{- $_ := set $env "ENTREPOT_METRICS_PORT" (ternary "8422" "off" $values.metrics.enabled) }}
{{- if $values.metrics.enabled }}{{ $_ := set $env "ENTREPOT_METRICS_HOST" "0.0.0.0" }}{{ end }}
{{- /* While endpoints are taken out of every balancer, all is served as before. */}}
{{- if $isCluster }}{{ $_ := set $env "ENTREPOT_DRAIN_SECONDS" "10" }}{{ end }}
{{- with $values.publicUrl }}{{ $_ := set $env "ENTREPOT_PUBLIC_URL" . }}{{ end }}
{{- with $values.trustedProxies }}{{ $_ := set $env "ENTREPOT_TRUSTED_PROXIES" (join "," .) }}{{ end }}
{{- range $key := list "bucket" "endpoint" "region" "prefix" }}
  {{- with get $values.s3 $key }}{{ $_ := set $env (printf "ENTREPOT_S3_%s" (upper $key)) . }}{{ end }}
{{- end }}
{{- if $values.tls.existingSecret }}
  {{- $_ := set $env "ENTREPOT_TLS_CERT" "/tls/tls.crt" }}
  {{- $_ := set $env "ENTREPOT_TLS_KEY" "/tls/tls.key" }}
{{- end }}
{{- toYaml (merge dict $values.env $env) }}
{{- end }}

{{- define "entrepot.pod" -}}
{{- $values := .Values }}
{{- $isCluster := eq $values.mode "cluster" }}
metadata:
  labels:
    {{- include "entrepot.labels" . | nindent 4 }}
    {{- with $values.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  {{- with $values.podAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  # The variables that a Service named entrepot would add begin with ENTREPOT_ and are no settings.
  enableServiceLinks: false
  automountServiceAccountToken: false
  serviceAccountName: {{ include "entrepot.serviceAccount" . | quote }}
  terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
  securityContext: {{- include "entrepot.podSecurity" . | nindent 4 }}
  {{- with $values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $values.topologySpreadConstraints }}
  topologySpreadConstraints: {{- toYaml $values.topologySpreadConstraints | nindent 4 }}
  {{- else if $isCluster }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {{- include "entrepot.selector" . | nindent 10 }}
  {{- end }}
  containers:
    - name: entrepot
      image: {{ include "entrepot.image" . | quote }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      args: [serve]
      securityContext: {{- include "entrepot.containerSecurity" . | nindent 8 }}
      env:
        {{- range $name, $value := include "entrepot.env" . | fromYaml }}
        - {name: {{ $name }}, value: {{ $value | quote }}}
        {{- end }}
        {{- if $values.existingSecret }}
        {{- if $isCluster }}
        - name: ENTREPOT_DATABASE_URL
          valueFrom: {secretKeyRef: {name: {{ $values.existingSecret | quote }}, key: ENTREPOT_DATABASE_URL}}
        {{- end }}
        {{- range list "ENTREPOT_ROOT_KEY" "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY" "OTEL_EXPORTER_OTLP_HEADERS" }}
        - name: {{ . }}
          valueFrom: {secretKeyRef: {name: {{ $values.existingSecret | quote }}, key: {{ . }}, optional: true}}
        {{- end }}
        {{- end }}
      ports:
        - {name: http, containerPort: 8420}
        {{- if $values.grpc.enabled }}
        - {name: grpc, containerPort: 8421}
        {{- end }}
        {{- if $values.metrics.enabled }}
        - {name: metrics, containerPort: 8422}
        {{- end }}
      # A start listens once migrations are over: ten minutes for them.
      startupProbe:
        httpGet: {path: /healthz, port: http, scheme: {{ include "entrepot.scheme" . }}}
        periodSeconds: 2
        timeoutSeconds: 5
        failureThreshold: 300
      livenessProbe:
        httpGet: {path: /healthz, port: http, scheme: {{ include "entrepot.scheme" . }}}
        periodSeconds: 10
        timeoutSeconds: 10
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: /readyz, port: http, scheme: {{ include "entrepot.scheme" . }}}
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: 2
      resources: {{- toYaml $values.resources | nindent 8 }}
      volumeMounts:
        - {name: data, mountPath: /data}
        - {name: tmp, mountPath: /tmp}
        {{- if $values.tls.existingSecret }}
        - {name: tls, mountPath: /tls, readOnly: true}
        {{- end }}
  volumes:
    # What Node.js compiled, for the next start of the container.
    - {name: tmp, emptyDir: {sizeLimit: 64Mi}}
    {{- if $isCluster }}
    - {name: data, emptyDir: {sizeLimit: {{ $values.spool.size }}}}
    {{- else if $values.persistence.existingClaim }}
    - {name: data, persistentVolumeClaim: {claimName: {{ $values.persistence.existingClaim | quote }}}}
    {{- end }}
    {{- with $values.tls.existingSecret }}
    - {name: tls, secret: {secretName: {{ . | quote }}, defaultMode: 0440}}
    {{- end }}
{{- end }}
