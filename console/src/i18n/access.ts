import { area } from './area';

// What the navigation says; the rest comes with the pages, in pages/access/texts.ts.
export const access = area(
  {
    'access.permissions': 'Permissions',
    'access.registryPolicy': 'Registry policy',
    'access.simulator': 'Policy simulator',
    'access.users': 'Users',
    'access.groups': 'User groups',
    'access.roles': 'Roles',
    'access.policies': 'Policies',
    'access.kms': 'KMS keys',
    'access.settings': 'Account settings',
  },
  {
    'access.permissions': 'アクセス許可',
    'access.registryPolicy': 'レジストリポリシー',
    'access.simulator': 'ポリシーシミュレーター',
    'access.users': 'ユーザー',
    'access.groups': 'ユーザーグループ',
    'access.roles': 'ロール',
    'access.policies': 'ポリシー',
    'access.kms': 'KMS キー',
    'access.settings': 'アカウント設定',
  },
);
