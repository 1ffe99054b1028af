{{- define "nifuda.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "nifuda.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "nifuda.selector" . }}
{{- end }}

{{- define "nifuda.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "nifuda.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}{{ else }}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "nifuda.keys" -}}
{{ .Values.keys.existingSecret | default (printf "%s-keys" (include "nifuda.name" .)) }}
{{- end }}

{{- define "nifuda.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "nifuda.name" .) }}{{ else }}{{ .Values.serviceAccount.name | default "default" }}{{ end }}
{{- end }}

{{- define "nifuda.scheme" -}}
{{ ternary "HTTPS" "HTTP" (ne .Values.tls.existingSecret "") }}
{{- end }}

{{/* The role of the nodes that serve. */}}
{{- define "nifuda.role" -}}
{{ ternary "api" "all" (and (eq .Values.mode "scaled") (gt (int .Values.worker.replicas) 0)) }}
{{- end }}

{{/* The pod of a node: (dict "context" $ "role" … "resources" …). */}}
{{- define "nifuda.pod" -}}
{{- $ := .context -}}
{{- $scaled := eq $.Values.mode "scaled" -}}
metadata:
  labels:
    {{- include "nifuda.labels" $ | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
    {{- with $.Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # A pod reads its settings when it starts.
    checksum/config: {{ $.Values.config | toJson | sha256sum }}
    {{- with $.Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "nifuda.serviceAccount" $ }}
  automountServiceAccountToken: false
  {{- with $.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $.Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  # Longer than the drain: see drain-delay, and 30 s for running transfers.
  terminationGracePeriodSeconds: 60
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  containers:
    - name: nifuda
      image: {{ include "nifuda.image" $ }}
      imagePullPolicy: {{ $.Values.image.pullPolicy }}
      args: [serve, --config, /etc/nifuda/nifuda.yaml]
      ports:
        - name: registry
          containerPort: 5050
        {{- if $.Values.metrics.enabled }}
        - name: metrics
          containerPort: 5051
        {{- end }}
      env:
        - name: NIFUDA_LISTEN
          value: 0.0.0.0:5050
        - name: NIFUDA_ADMIN_LISTEN
          value: {{ ternary "0.0.0.0:5051" "127.0.0.1:5051" $.Values.metrics.enabled }}
        - name: NIFUDA_DATA
          value: /data
        - name: NIFUDA_ROLE
          value: {{ .role }}
        {{- if not (hasKey $.Values.config "log-format") }}
        - name: NIFUDA_LOG_FORMAT
          value: json
        {{- end }}
        # Out of the load balancers' sight before the last connection is taken.
        - name: NIFUDA_DRAIN_DELAY
          value: {{ ternary "10s" "0s" $scaled }}
        - name: NIFUDA_SERVER_KEY
          value: env:SERVER_KEY
        - name: SERVER_KEY
          valueFrom: {secretKeyRef: {name: {{ include "nifuda.keys" $ }}, key: server-key}}
        {{- if not (hasKey $.Values.config "seal-keys") }}
        - name: NIFUDA_SEAL_KEYS
          value: "database:"
        {{- end }}
        - name: NIFUDA_ROOT_ACCESS_KEY_ID
          valueFrom: {secretKeyRef: {name: {{ include "nifuda.keys" $ }}, key: root-access-key-id}}
        - name: NIFUDA_ROOT_SECRET_ACCESS_KEY
          valueFrom: {secretKeyRef: {name: {{ include "nifuda.keys" $ }}, key: root-secret-access-key}}
        {{- if $.Values.tls.existingSecret }}
        - name: NIFUDA_TLS_CERT
          value: /tls/tls.crt
        - name: NIFUDA_TLS_KEY
          value: /tls/tls.key
        {{- end }}
        {{- if $scaled }}
        - name: NIFUDA_DATABASE
          valueFrom: {secretKeyRef: {name: {{ required "database.existingSecret names the Secret with the address of PostgreSQL" $.Values.database.existingSecret }}, key: {{ $.Values.database.key }}}}
        - name: NIFUDA_BLOBS
          value: {{ required "blobs.url is the bucket, s3://…" $.Values.blobs.url | quote }}
        {{- if not (hasKey $.Values.config "audit") }}
        # A file would go with the pod.
        - name: NIFUDA_AUDIT
          value: stdout
        {{- end }}
        {{- end }}
        {{- with $.Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- if and $scaled $.Values.blobs.existingSecret }}
      envFrom:
        - secretRef:
            name: {{ $.Values.blobs.existingSecret }}
      {{- end }}
      startupProbe:
        httpGet: {path: /healthz, port: registry, scheme: {{ include "nifuda.scheme" $ }}}
        periodSeconds: 2
        failureThreshold: 150
      livenessProbe:
        httpGet: {path: /healthz, port: registry, scheme: {{ include "nifuda.scheme" $ }}}
        timeoutSeconds: 5
      readinessProbe:
        httpGet: {path: /readyz, port: registry, scheme: {{ include "nifuda.scheme" $ }}}
        periodSeconds: 5
        timeoutSeconds: 6
        failureThreshold: 2
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      resources:
        {{- toYaml .resources | nindent 8 }}
      volumeMounts:
        - {name: data, mountPath: /data}
        - {name: tmp, mountPath: /tmp}
        - {name: config, mountPath: /etc/nifuda, readOnly: true}
        {{- if $.Values.tls.existingSecret }}
        - {name: tls, mountPath: /tls, readOnly: true}
        {{- end }}
        {{- with $.Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: config
      configMap:
        name: {{ include "nifuda.name" $ }}
    - name: tmp
      emptyDir: {}
    {{- if $scaled }}
    - name: data
      emptyDir:
        sizeLimit: {{ $.Values.scratchSize }}
    {{- end }}
    {{- with $.Values.tls.existingSecret }}
    - name: tls
      secret:
        secretName: {{ . }}
    {{- end }}
    {{- with $.Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $.Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $.Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $.Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $.Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml $.Values.topologySpreadConstraints | nindent 4 }}
  {{- else if $scaled }}
  # Nodes of nifuda on different machines, where there are any.
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "nifuda.selector" $ | nindent 10 }}
          app.kubernetes.io/component: {{ .component }}
  {{- end }}
{{- end }}
