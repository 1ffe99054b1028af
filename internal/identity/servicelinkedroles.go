package identity

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"github.com/nifuda/nifuda/internal/store"
)

// linkedServices are the services that have a role in an account: the name of
// the role and of its policy (spec 2.4).
var linkedServices = map[string]struct{ role, policy string }{
	"replication.ecr.amazonaws.com":      {"AWSServiceRoleForECRReplication", "ECRReplicationServiceRolePolicy"},
	"pullthroughcache.ecr.amazonaws.com": {"AWSServiceRoleForECRPullThroughCache", "AWSECRPullThroughCache_ServiceRolePolicy"},
	"ecr.amazonaws.com":                  {"AWSServiceRoleForECRTemplate", "ECRTemplateServiceRolePolicy"},
}

// ServiceLinkedRole returns the path and the name of the role of a service; no
// name where there is no such service.
func ServiceLinkedRole(service string) (path, name string) {
	return serviceRolePath + service + "/", linkedServices[service].role
}

// LinkedService returns the service that a role of a name can only be linked to.
func LinkedService(role string) (service string, ok bool) {
	for service, linked := range linkedServices {
		if keyOf(linked.role) == keyOf(role) {
			return service, true
		}
	}
	return "", false
}

// CreateServiceLinkedRole creates the role of a service. It refuses with
// InvalidInput when there is no such service, or when the role is there.
func (s *Identities) CreateServiceLinkedRole(ctx context.Context, account, service, description, suffix string) (RoleInfo, error) {
	linked, ok := linkedServices[service]
	if !ok {
		return RoleInfo{}, refuse(CodeInvalidInput, "The service %s has no role of its own.", service)
	}
	if suffix != "" {
		return RoleInfo{}, refuse(CodeInvalidInput, "Custom suffix is not allowed for %s", service)
	}
	role, err := s.createRole(ctx, NewRole{
		Account: account, Name: linked.role, Path: serviceRolePath + service + "/", Description: description,
		TrustPolicy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"}]}`,
	}, nil, func(ctx context.Context, tx *store.Tx, row store.Identity) error {
		return tx.AttachPolicy(ctx, account, row.ID, store.AttachedPolicy, EntityARN(awsAccount, Policy, serviceRolePath, linked.policy))
	})
	if IsRefusal(err, CodeEntityAlreadyExists) {
		err = refuse(CodeInvalidInput, "Service role name %s has been taken in this account, please try a different suffix.", linked.role)
	}
	return role, err
}

// DeleteServiceLinkedRole deletes the role of a service and returns the id of
// the task that did so. It refuses with NoSuchEntity, or InvalidInput for
// another role.
func (s *Identities) DeleteServiceLinkedRole(ctx context.Context, account, name string) (task string, err error) {
	err = s.remove(ctx, account, Role, name, func(ctx context.Context, tx *store.Tx, row store.Identity) error {
		if !isServiceLinked(row) {
			return refuse(CodeInvalidInput, "The role %s is not linked to a service.", row.Name)
		}
		attached, err := tx.AttachedPolicies(ctx, row.ID, store.AttachedPolicy, "", MaxAttachedPolicies)
		if err != nil {
			return fmt.Errorf("read attached policies: %w", err)
		}
		for _, arn := range attached {
			if _, err := tx.DetachPolicy(ctx, row.ID, store.AttachedPolicy, arn); err != nil {
				return fmt.Errorf("detach policy: %w", err)
			}
		}
		task = "task" + row.Path + row.Name + "/" + uuid.NewString()
		return nil
	})
	return task, err
}

var deletionTask = regexp.MustCompile(`^task` + serviceRolePath + `([^/]+)/([^/]+)/[0-9a-f-]{36}$`)

// CheckDeletionTask refuses, with NoSuchEntity, the id of a task that
// [Identities.DeleteServiceLinkedRole] cannot have returned. All others have
// succeeded: a role is deleted when the id is returned.
func CheckDeletionTask(task string) error {
	parts := deletionTask.FindStringSubmatch(task)
	if parts == nil || linkedServices[parts[1]].role != parts[2] {
		return refuse(CodeNoSuchEntity, "The deletion task %s cannot be found.", task)
	}
	return nil
}

func isServiceLinked(row store.Identity) bool {
	return Kind(row.Kind) == Role && strings.HasPrefix(row.Path, serviceRolePath)
}
