import {
  DeleteAccessKeyCommand,
  DeleteGroupCommand,
  DeleteLoginProfileCommand,
  DeletePolicyCommand,
  DeletePolicyVersionCommand,
  DeleteRoleCommand,
  DeleteUserCommand,
  GetGroupCommand,
  GetLoginProfileCommand,
  type IAMClient,
  ListAccessKeysCommand,
  ListEntitiesForPolicyCommand,
  ListGroupsForUserCommand,
  ListPolicyVersionsCommand,
  RemoveUserFromGroupCommand,
} from '@aws-sdk/client-iam';
import { orNone } from '../orNone';
import { type Step, step } from '../steps';
import { groupHolder, roleHolder, stripped, userHolder } from './holder';

/** leave takes a user out of a group. */
export const leave = (iam: IAMClient, GroupName: string, UserName: string): Step =>
  step('iam', 'remove-user-from-group', { GroupName, UserName }, (input) =>
    iam.send(new RemoveUserFromGroupCommand(input)),
  );

/** keyDeletion deletes an access key. */
export const keyDeletion = (iam: IAMClient, UserName: string, AccessKeyId: string): Step =>
  step('iam', 'delete-access-key', { UserName, AccessKeyId }, (input) =>
    iam.send(new DeleteAccessKeyCommand(input)),
  );

/** passwordRemoval takes the password of a user away. */
export const passwordRemoval = (iam: IAMClient, UserName: string): Step =>
  step('iam', 'delete-login-profile', { UserName }, (input) =>
    iam.send(new DeleteLoginProfileCommand(input)),
  );

/** userDeletion are the steps that delete a user and all that hangs on it: IAM refuses to while it is there. */
export async function userDeletion(iam: IAMClient, UserName: string): Promise<Step[]> {
  const user = { UserName };
  const [keys, groups, login, policies] = await Promise.all([
    iam.send(new ListAccessKeysCommand(user)),
    iam.send(new ListGroupsForUserCommand(user)),
    orNone('NoSuchEntityException', () => iam.send(new GetLoginProfileCommand(user))),
    stripped(userHolder(iam, UserName)),
  ]);
  return [
    ...(keys.AccessKeyMetadata ?? []).map(({ AccessKeyId = '' }) => keyDeletion(iam, UserName, AccessKeyId)),
    ...(login ? [passwordRemoval(iam, UserName)] : []),
    ...(groups.Groups ?? []).map(({ GroupName = '' }) => leave(iam, GroupName, UserName)),
    ...policies,
    step('iam', 'delete-user', user, (input) => iam.send(new DeleteUserCommand(input))),
  ];
}

/** groupDeletion are the steps that delete a group; its users stay. */
export async function groupDeletion(iam: IAMClient, GroupName: string): Promise<Step[]> {
  const [members, policies] = await Promise.all([
    iam.send(new GetGroupCommand({ GroupName })),
    stripped(groupHolder(iam, GroupName)),
  ]);
  return [
    ...(members.Users ?? []).map(({ UserName = '' }) => leave(iam, GroupName, UserName)),
    ...policies,
    step('iam', 'delete-group', { GroupName }, (input) => iam.send(new DeleteGroupCommand(input))),
  ];
}

/** roleDeletion are the steps that delete a role. */
export async function roleDeletion(iam: IAMClient, RoleName: string): Promise<Step[]> {
  return [
    ...(await stripped(roleHolder(iam, RoleName))),
    step('iam', 'delete-role', { RoleName }, (input) => iam.send(new DeleteRoleCommand(input))),
  ];
}

/** policyDeletion are the steps that delete a managed policy with its versions, and take it from who has it. */
export async function policyDeletion(iam: IAMClient, PolicyArn: string): Promise<Step[]> {
  const policy = { PolicyArn };
  const [used, versions] = await Promise.all([
    iam.send(new ListEntitiesForPolicyCommand({ ...policy, PolicyUsageFilter: 'PermissionsPolicy' })),
    iam.send(new ListPolicyVersionsCommand(policy)),
  ]);
  return [
    ...(used.PolicyUsers ?? []).map(({ UserName = '' }) => userHolder(iam, UserName).detach(PolicyArn)),
    ...(used.PolicyGroups ?? []).map(({ GroupName = '' }) => groupHolder(iam, GroupName).detach(PolicyArn)),
    ...(used.PolicyRoles ?? []).map(({ RoleName = '' }) => roleHolder(iam, RoleName).detach(PolicyArn)),
    ...(versions.Versions ?? [])
      .filter(({ IsDefaultVersion }) => !IsDefaultVersion)
      .map(({ VersionId = '' }) => versionDeletion(iam, PolicyArn, VersionId)),
    step('iam', 'delete-policy', policy, (input) => iam.send(new DeletePolicyCommand(input))),
  ];
}

/** versionDeletion deletes a version of a managed policy. */
export const versionDeletion = (iam: IAMClient, PolicyArn: string, VersionId: string): Step =>
  step('iam', 'delete-policy-version', { PolicyArn, VersionId }, (input) =>
    iam.send(new DeletePolicyVersionCommand(input)),
  );
