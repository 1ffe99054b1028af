package audit

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/iam"
)

const (
	// version is that of CloudTrail's record whose members ours has.
	version = "1.11"

	// maxText is the longest text of a client's, beside the parameters, that a
	// record repeats.
	maxText = 1024
)

// appendRecord writes a record as a line of JSON ("CloudTrail record contents").
func (l *Log) appendRecord(b []byte, s httpx.Served) []byte {
	var (
		r        = s.Record
		oci      = r.Protocol == protocolOCI
		name     = eventName(r)
		readOnly = isReadOnly(name)
	)
	b = append(b, `{"eventVersion":"`+version+`","userIdentity":`...)
	b = l.appendIdentity(b, r)
	b = append(b, `,"eventTime":"`...)
	b = s.Start.UTC().AppendFormat(b, time.RFC3339)
	b = appendMember(b, `","eventSource":`, eventSource(r.Protocol))
	b = appendMember(b, `,"eventName":`, name)
	b = appendMember(b, `,"awsRegion":`, or(r.Region, l.Region))
	b = appendMember(b, `,"sourceIPAddress":`, sourceOf(s))
	b = appendMember(b, `,"userAgent":`, s.Request.UserAgent())
	if code, message := errorOf(s); code != "" {
		b = appendMember(b, `,"errorCode":`, code)
		b = appendMember(b, `,"errorMessage":`, message)
	}
	b = append(b, `,"requestParameters":`...)
	if oci {
		b = appendMember(b, `{"method":`, s.Request.Method)
		b = appendMember(b, `,"path":`, s.Request.URL.Path)
		b = append(b, '}')
	} else {
		b = appendParameters(b, r.Input)
	}
	b = append(b, `,"responseElements":`...)
	if r.ErrorCode == "" && (!readOnly || issuesCredentials(r)) {
		b = appendParameters(b, r.Output)
	} else {
		b = append(b, "null"...)
	}
	b = appendMember(b, `,"requestID":`, r.ID)
	b = appendMember(b, `,"eventID":`, httpx.NewID())
	b = append(b, `,"readOnly":`...)
	b = strconv.AppendBool(b, readOnly)
	b = appendResources(b, r.Touched)
	b = append(b, `,"eventType":"AwsApiCall","managementEvent":`...)
	b = strconv.AppendBool(b, !oci)
	b = appendMember(b, `,"recipientAccountId":`, l.recipient(r))
	b = append(b, `,"eventCategory":`...)
	if oci {
		b = append(b, `"Data"`...)
	} else {
		b = append(b, `"Management"`...)
	}
	return append(b, "}\n"...)
}

// eventSource is the host that AWS serves a protocol's API at.
func eventSource(protocol string) string {
	if protocol == protocolOCI {
		protocol = "ecr"
	}
	return protocol + ".amazonaws.com"
}

// eventName is the API call. CloudTrail names what docker asks for after the
// calls of ECR's API that it stands for, which is what it needed a permission for.
func eventName(r *httpx.Record) string {
	if n := len(r.Touched); r.Protocol == protocolOCI && n > 0 {
		_, name, _ := strings.Cut(r.Touched[n-1].Action, ":")
		return name
	}
	return r.Operation
}

// isReadOnly reports whether a call changes nothing but, perhaps, who is signed in.
func isReadOnly(name string) bool {
	for _, prefix := range [...]string{
		"Get", "List", "Describe", "BatchGet", "BatchCheck", "Search", "Preview", "Simulate", "Validate", "Explain", "Head", "Ping", "Download",
		"Encrypt", "Decrypt", "ReEncrypt", "GenerateDataKey", "AssumeRole", "DecodeAuthorizationMessage", "GenerateCredentialReport", "GenerateServiceLastAccessedDetails",
	} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// issuesCredentials reports whether a read hands out temporary credentials,
// whose access key id leads from the record of a deed to that of its origin.
func issuesCredentials(r *httpx.Record) bool {
	return r.Protocol == "sts" && (strings.HasPrefix(r.Operation, "AssumeRole") || r.Operation == "GetSessionToken" || r.Operation == "GetFederationToken")
}

func errorOf(s httpx.Served) (code, message string) {
	switch {
	case s.Record.ErrorCode != "":
		return s.Record.ErrorCode, s.Record.ErrorMessage
	case s.Status == 0 || s.Status >= http.StatusInternalServerError:
		return "InternalFailure", ""
	case s.Status == http.StatusForbidden:
		return "AccessDenied", ""
	case s.Status >= http.StatusBadRequest:
		return http.StatusText(s.Status), ""
	default:
		return "", ""
	}
}

// sourceOf is the address that a request came from, or what the connection says
// of it when that is none.
func sourceOf(s httpx.Served) string {
	if s.Record.Source.IsValid() {
		return s.Record.Source.String()
	}
	return s.Request.RemoteAddr
}

// recipient is the account whose resource was asked for, else the caller's.
func (l *Log) recipient(r *httpx.Record) string {
	for _, t := range r.Touched {
		if t.Account != "" {
			return t.Account
		}
	}
	return or(r.Caller.Account, l.Account)
}

func appendResources(b []byte, touched []httpx.Touched) []byte {
	first := true
	for i, t := range touched {
		if t.Resource == "*" || seenBefore(touched[:i], t.Resource) {
			continue
		}
		if first {
			b = append(b, `,"resources":[`...)
		} else {
			b = append(b, ',')
		}
		first = false
		b = appendMember(b, `{"ARN":`, t.Resource)
		b = appendMember(b, `,"accountId":`, t.Account)
		if strings.Contains(t.Resource, ":repository/") {
			b = append(b, `,"type":"AWS::ECR::Repository"`...)
		}
		b = append(b, '}')
	}
	if !first {
		b = append(b, ']')
	}
	return b
}

func seenBefore(touched []httpx.Touched, resource string) bool {
	for _, t := range touched {
		if t.Resource == resource {
			return true
		}
	}
	return false
}

// appendIdentity writes who called ("CloudTrail userIdentity element").
func (l *Log) appendIdentity(b []byte, r *httpx.Record) []byte {
	p := r.Caller
	switch {
	case p.Account != "":
		return l.appendPrincipal(b, r)
	case r.AccessKeyID != "": // claimed and not proved
		b = appendMember(b, `{"type":"Unknown","accessKeyId":`, r.AccessKeyID)
		return append(b, '}')
	case r.ErrorCode == "" && r.Operation == "AssumeRoleWithWebIdentity":
		provider, subject := stringField(r.Output, "Provider"), stringField(r.Output, "SubjectFromWebIdentityToken")
		b = appendMember(b, `{"type":"WebIdentityUser","principalId":`, provider+":"+stringField(r.Output, "Audience")+":"+subject)
		b = appendMember(b, `,"userName":`, subject)
		b = appendMember(b, `,"identityProvider":`, provider)
		return append(b, '}')
	default:
		return append(b, `{"type":"AWSAccount","principalId":"","accountId":"ANONYMOUS_PRINCIPAL"}`...)
	}
}

func (l *Log) appendPrincipal(b []byte, r *httpx.Record) []byte {
	p := r.Caller
	kind, rest := "IAMUser", p.ARN[strings.LastIndexByte(p.ARN, ':')+1:]
	switch {
	case p.IsRoot():
		kind = "Root"
	case strings.HasPrefix(rest, "assumed-role/"):
		kind = "AssumedRole"
	}
	b = appendMember(b, `{"type":`, kind)
	b = appendMember(b, `,"principalId":`, p.UserID)
	b = appendMember(b, `,"arn":`, p.ARN)
	b = appendMember(b, `,"accountId":`, p.Account)
	if key := or(p.AccessKeyID, r.AccessKeyID); key != "" {
		b = appendMember(b, `,"accessKeyId":`, key)
	}
	if kind == "IAMUser" {
		b = appendMember(b, `,"userName":`, rest[strings.LastIndexByte(rest, '/')+1:])
	}
	if strings.HasPrefix(or(p.AccessKeyID, r.AccessKeyID), "ASIA") {
		b = l.appendSession(b, kind, p, rest)
	}
	return append(b, '}')
}

// appendSession writes what temporary credentials come from.
func (l *Log) appendSession(b []byte, kind string, p iam.Principal, rest string) []byte {
	var session Session
	if l.Session != nil {
		session, _ = l.Session(p)
	}
	b = append(b, `,"sessionContext":{"attributes":{`...)
	if !session.Created.IsZero() {
		b = append(b, `"creationDate":"`...)
		b = session.Created.UTC().AppendFormat(b, time.RFC3339)
		b = append(b, `",`...)
	}
	b = append(b, `"mfaAuthenticated":"false"}`...)
	if kind == "AssumedRole" {
		role, _, _ := strings.Cut(strings.TrimPrefix(rest, "assumed-role/"), "/")
		id, _, _ := strings.Cut(p.UserID, ":")
		b = appendMember(b, `,"sessionIssuer":{"type":"Role","principalId":`, id)
		b = appendMember(b, `,"arn":`, or(session.Role, strings.Replace(p.ARN[:len(p.ARN)-len(rest)], ":sts:", ":iam:", 1)+"role/"+role))
		b = appendMember(b, `,"accountId":`, p.Account)
		b = appendMember(b, `,"userName":`, role)
		b = append(b, '}')
	}
	return append(b, '}')
}

// stringField is a text in an answer, "" where it has none of that name.
func stringField(structure any, name string) string {
	v := reflect.ValueOf(structure)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return ""
	}
	if field := v.Elem().FieldByName(name); field.Kind() == reflect.String {
		return field.String()
	}
	return ""
}

func or(text, instead string) string {
	if text == "" {
		return instead
	}
	return text
}

// appendMember writes literal JSON and behind it a text that may be anything.
func appendMember(b []byte, before, text string) []byte {
	return appendText(append(b, before...), cut(text))
}

func cut(text string) string {
	if len(text) > maxText {
		return text[:maxText] + "…"
	}
	return text
}

// appendText writes a JSON string. What is not UTF-8 becomes the replacement
// character.
func appendText(b []byte, text string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	plain := 0 // where what is copied as it is begins
	for i := 0; i < len(text); {
		c := text[i]
		if ' ' <= c && c < utf8.RuneSelf && c != '"' && c != '\\' && c != '\x7f' {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			if r, size := utf8.DecodeRuneInString(text[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		b = append(b, text[plain:i]...)
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c >= utf8.RuneSelf:
			b = append(b, `\ufffd`...)
		default:
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
		i++
		plain = i
	}
	b = append(b, text[plain:]...)
	return append(b, '"')
}
