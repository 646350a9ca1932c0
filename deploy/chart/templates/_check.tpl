{{- /* What cannot be: one sentence each, the first that applies. Every template that makes a workload includes this. */}}
{{- define "entrepot.check" -}}
{{- $values := .Values }}
{{- if eq $values.mode "cluster" }}
  {{- if not $values.existingSecret }}{{ fail "mode cluster needs existingSecret, a Secret with ENTREPOT_DATABASE_URL." }}{{ end }}
  {{- if not $values.s3.bucket }}{{ fail "mode cluster needs s3.bucket: its servers share no volume." }}{{ end }}
  {{- if not $values.publicUrl }}{{ fail "mode cluster needs publicUrl, the address of the balancer or ingress." }}{{ end }}
  {{- if $values.persistence.existingClaim }}{{ fail "persistence.existingClaim is for mode single: the servers of mode cluster keep nothing." }}{{ end }}
{{- else if gt (int (default 1 (get $values "replicas"))) 1 }}
  {{- fail "mode single has one server, since SQLite has one writer; use mode cluster for more replicas." }}
{{- end }}
{{- if and $values.s3.endpoint (not $values.s3.bucket) }}{{ fail "s3.endpoint needs s3.bucket." }}{{ end }}
{{- if not $values.metrics.enabled }}
  {{- range $name := list "serviceMonitor" "prometheusRule" "dashboard" }}
    {{- if (get $values.metrics $name).enabled }}{{ fail (printf "metrics.%s.enabled needs metrics.enabled." $name) }}{{ end }}
  {{- end }}
{{- end }}
{{- if $values.ingress.enabled }}
  {{- if not $values.publicUrl }}{{ fail "ingress.enabled needs publicUrl: its host is that of the ingress." }}{{ end }}
  {{- if not (has (urlParse $values.publicUrl).path (list "" "/")) }}{{ fail "publicUrl has a path, which the ingress would not strip; use a host of its own, or a gateway that strips it." }}{{ end }}
  {{- if and $values.ingress.grpcHost (not $values.grpc.enabled) }}{{ fail "ingress.grpcHost needs grpc.enabled." }}{{ end }}
{{- else if $values.ingress.grpcHost }}{{ fail "ingress.grpcHost needs ingress.enabled." }}
{{- end }}
{{- range $name, $value := $values.env }}
  {{- if has $name (list "ENTREPOT_DATABASE_URL" "ENTREPOT_ROOT_KEY" "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY" "AWS_SESSION_TOKEN") }}{{ fail (printf "%s is secret: put it into existingSecret, not into env." $name) }}{{ end }}
  {{- if regexMatch "^ENTREPOT_(PORT|GRPC_PORT|METRICS_PORT|DATA_DIR|PUBLIC_URL|TRUSTED_PROXIES|TLS.*|S3_(BUCKET|ENDPOINT|REGION|PREFIX))$" $name }}{{ fail (printf "%s has a value of the chart; use that, not env." $name) }}{{ end }}
{{- end }}
{{- end }}
