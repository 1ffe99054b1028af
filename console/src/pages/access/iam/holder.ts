import {
  type AttachedPolicy,
  AttachGroupPolicyCommand,
  AttachRolePolicyCommand,
  AttachUserPolicyCommand,
  DeleteGroupPolicyCommand,
  DeleteRolePermissionsBoundaryCommand,
  DeleteRolePolicyCommand,
  DeleteUserPermissionsBoundaryCommand,
  DeleteUserPolicyCommand,
  DetachGroupPolicyCommand,
  DetachRolePolicyCommand,
  DetachUserPolicyCommand,
  GetGroupPolicyCommand,
  GetRolePolicyCommand,
  GetUserPolicyCommand,
  type IAMClient,
  ListAttachedGroupPoliciesCommand,
  ListAttachedRolePoliciesCommand,
  ListAttachedUserPoliciesCommand,
  ListGroupPoliciesCommand,
  ListRolePoliciesCommand,
  ListUserPoliciesCommand,
  PutGroupPolicyCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  PutUserPermissionsBoundaryCommand,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import { type Step, step } from '../steps';

/** A Holder is a user, a group or a role, as what has policies. */
export interface Holder {
  attached: (abortSignal?: AbortSignal) => Promise<AttachedPolicy[]>;
  inline: (abortSignal?: AbortSignal) => Promise<string[]>;
  read: (policy: string) => Promise<string>;
  attach: (arn: string) => Step;
  detach: (arn: string) => Step;
  put: (policy: string, document: string) => Step;
  remove: (policy: string) => Step;
  /** Groups have no permissions boundary. */
  boundary?: { set: (arn: string) => Step; remove: () => Step };
}

/** documentOf is the text of a policy, which IAM sends as a part of a URL. */
export const documentOf = (encoded: string | undefined) => decodeURIComponent(encoded ?? '');

const page = { MaxItems: 100 };

/** userHolder is a user as what has policies. */
export function userHolder(iam: IAMClient, UserName: string): Holder {
  const of = { UserName };
  return {
    attached: async (abortSignal) =>
      (await iam.send(new ListAttachedUserPoliciesCommand({ ...of, ...page }), { abortSignal }))
        .AttachedPolicies ?? [],
    inline: async (abortSignal) =>
      (await iam.send(new ListUserPoliciesCommand({ ...of, ...page }), { abortSignal })).PolicyNames ?? [],
    read: async (PolicyName) =>
      documentOf((await iam.send(new GetUserPolicyCommand({ ...of, PolicyName }))).PolicyDocument),
    attach: (PolicyArn) =>
      step('iam', 'attach-user-policy', { ...of, PolicyArn }, (i) =>
        iam.send(new AttachUserPolicyCommand(i)),
      ),
    detach: (PolicyArn) =>
      step('iam', 'detach-user-policy', { ...of, PolicyArn }, (i) =>
        iam.send(new DetachUserPolicyCommand(i)),
      ),
    put: (PolicyName, PolicyDocument) =>
      step('iam', 'put-user-policy', { ...of, PolicyName, PolicyDocument }, (i) =>
        iam.send(new PutUserPolicyCommand(i)),
      ),
    remove: (PolicyName) =>
      step('iam', 'delete-user-policy', { ...of, PolicyName }, (i) =>
        iam.send(new DeleteUserPolicyCommand(i)),
      ),
    boundary: {
      set: (PermissionsBoundary) =>
        step('iam', 'put-user-permissions-boundary', { ...of, PermissionsBoundary }, (i) =>
          iam.send(new PutUserPermissionsBoundaryCommand(i)),
        ),
      remove: () =>
        step('iam', 'delete-user-permissions-boundary', of, (i) =>
          iam.send(new DeleteUserPermissionsBoundaryCommand(i)),
        ),
    },
  };
}

/** groupHolder is a group as what has policies. */
export function groupHolder(iam: IAMClient, GroupName: string): Holder {
  const of = { GroupName };
  return {
    attached: async (abortSignal) =>
      (await iam.send(new ListAttachedGroupPoliciesCommand({ ...of, ...page }), { abortSignal }))
        .AttachedPolicies ?? [],
    inline: async (abortSignal) =>
      (await iam.send(new ListGroupPoliciesCommand({ ...of, ...page }), { abortSignal })).PolicyNames ?? [],
    read: async (PolicyName) =>
      documentOf((await iam.send(new GetGroupPolicyCommand({ ...of, PolicyName }))).PolicyDocument),
    attach: (PolicyArn) =>
      step('iam', 'attach-group-policy', { ...of, PolicyArn }, (i) =>
        iam.send(new AttachGroupPolicyCommand(i)),
      ),
    detach: (PolicyArn) =>
      step('iam', 'detach-group-policy', { ...of, PolicyArn }, (i) =>
        iam.send(new DetachGroupPolicyCommand(i)),
      ),
    put: (PolicyName, PolicyDocument) =>
      step('iam', 'put-group-policy', { ...of, PolicyName, PolicyDocument }, (i) =>
        iam.send(new PutGroupPolicyCommand(i)),
      ),
    remove: (PolicyName) =>
      step('iam', 'delete-group-policy', { ...of, PolicyName }, (i) =>
        iam.send(new DeleteGroupPolicyCommand(i)),
      ),
  };
}

/** roleHolder is a role as what has policies. */
export function roleHolder(iam: IAMClient, RoleName: string): Holder {
  const of = { RoleName };
  return {
    attached: async (abortSignal) =>
      (await iam.send(new ListAttachedRolePoliciesCommand({ ...of, ...page }), { abortSignal }))
        .AttachedPolicies ?? [],
    inline: async (abortSignal) =>
      (await iam.send(new ListRolePoliciesCommand({ ...of, ...page }), { abortSignal })).PolicyNames ?? [],
    read: async (PolicyName) =>
      documentOf((await iam.send(new GetRolePolicyCommand({ ...of, PolicyName }))).PolicyDocument),
    attach: (PolicyArn) =>
      step('iam', 'attach-role-policy', { ...of, PolicyArn }, (i) =>
        iam.send(new AttachRolePolicyCommand(i)),
      ),
    detach: (PolicyArn) =>
      step('iam', 'detach-role-policy', { ...of, PolicyArn }, (i) =>
        iam.send(new DetachRolePolicyCommand(i)),
      ),
    put: (PolicyName, PolicyDocument) =>
      step('iam', 'put-role-policy', { ...of, PolicyName, PolicyDocument }, (i) =>
        iam.send(new PutRolePolicyCommand(i)),
      ),
    remove: (PolicyName) =>
      step('iam', 'delete-role-policy', { ...of, PolicyName }, (i) =>
        iam.send(new DeleteRolePolicyCommand(i)),
      ),
    boundary: {
      set: (PermissionsBoundary) =>
        step('iam', 'put-role-permissions-boundary', { ...of, PermissionsBoundary }, (i) =>
          iam.send(new PutRolePermissionsBoundaryCommand(i)),
        ),
      remove: () =>
        step('iam', 'delete-role-permissions-boundary', of, (i) =>
          iam.send(new DeleteRolePermissionsBoundaryCommand(i)),
        ),
    },
  };
}

/** stripped are the steps that take away all policies of a holder. */
export async function stripped(holder: Holder): Promise<Step[]> {
  const [attached, inline] = await Promise.all([holder.attached(), holder.inline()]);
  return [...attached.map(({ PolicyArn = '' }) => holder.detach(PolicyArn)), ...inline.map(holder.remove)];
}
