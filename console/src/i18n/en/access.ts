// What the navigation says; the rest comes with the pages, in pages/access/texts.ts.
export const access = {
  'access.permissions': 'Permissions',
  'access.registryPolicy': 'Registry policy',
  'access.simulator': 'Policy simulator',
  'access.users': 'Users',
  'access.groups': 'User groups',
  'access.roles': 'Roles',
  'access.policies': 'Policies',
  'access.kms': 'KMS keys',
  'access.settings': 'Account settings',
};
