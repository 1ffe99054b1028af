package nifudaapi

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/nifuda/nifuda/internal/audit"
	"github.com/nifuda/nifuda/internal/nifuda"
	"github.com/nifuda/nifuda/internal/registry"
)

// An AuditTrail has the audit records of this node. [audit.Trail] is one.
type AuditTrail interface {
	// Search returns a page of the records, newest first. It refuses with [audit.ErrGone].
	Search(ctx context.Context, s audit.Search, before audit.Position, limit int) (records []string, next audit.Position, err error)
}

// atRecord is the kind of positions in the audit trail.
const atRecord = "record"

// ListAuditRecords implements [nifuda.Service]. The trail is of all accounts, so it
// is for the one that the others are managed from.
func (a *api) ListAuditRecords(ctx context.Context, in *nifuda.ListAuditRecordsRequest) (*nifuda.ListAuditRecordsResponse, error) {
	if err := a.authorize(ctx, "nifuda:ListAuditRecords", "*", a.Home); err != nil {
		return nil, err
	}
	if a.Audit == nil {
		return nil, nifuda.NotImplementedException("Audit records cannot be listed, because this server writes them to no file (its setting audit is off or stdout)")
	}
	before, err := recordPosition(in.NextToken)
	if err != nil {
		return nil, err
	}
	search := audit.Search{Query: value(in.Query), Principal: value(in.PrincipalArn), From: timeOf(in.From), To: timeOf(in.To)}
	records, next, err := a.Audit.Search(ctx, search, before, consolePageSize(in.MaxResults))
	if errors.Is(err, audit.ErrGone) {
		return nil, nifuda.InvalidNextTokenException("The file of audit records that NextToken is about was replaced since, or is of another node. Begin again without NextToken")
	}
	if err != nil {
		return nil, err
	}
	out := &nifuda.ListAuditRecordsResponse{Records: records}
	if next != (audit.Position{}) {
		out.NextToken = token(registry.Cursor{Kind: atRecord, Key: next.File + "/" + strconv.FormatInt(next.Offset, 10)})
	}
	return out, nil
}

// recordPosition returns where a page of records begins.
func recordPosition(token *string) (audit.Position, error) {
	at, err := position(token)
	if err != nil || at == (registry.Cursor{}) {
		return audit.Position{}, err
	}
	file, text, _ := strings.Cut(at.Key, "/")
	offset, err := strconv.ParseInt(text, 10, 64)
	if err != nil || offset < 0 || file == "" || at.Kind != atRecord {
		return audit.Position{}, foreignToken()
	}
	return audit.Position{File: file, Offset: offset}, nil
}
