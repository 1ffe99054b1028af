import type { access as en } from '../en/access';

export const access: Record<keyof typeof en, string> = {
  'access.permissions': 'アクセス許可',
  'access.registryPolicy': 'レジストリポリシー',
  'access.simulator': 'ポリシーシミュレーター',
  'access.users': 'ユーザー',
  'access.groups': 'ユーザーグループ',
  'access.roles': 'ロール',
  'access.policies': 'ポリシー',
  'access.kms': 'KMS キー',
  'access.settings': 'アカウント設定',
};
