/** The account settings that the server knows, and the values that each can have. */
export const settings = {
  ANONYMOUS_PULL: ['DISABLED', 'ENABLED'],
  BASIC_SCAN_TYPE_VERSION: ['AWS_NATIVE'],
  BLOB_MOUNTING: ['ENABLED', 'DISABLED'],
  REGISTRY_POLICY_SCOPE: ['V2', 'V1'],
} as const;

export type SettingName = keyof typeof settings;
export const settingNames = Object.keys(settings) as SettingName[];
