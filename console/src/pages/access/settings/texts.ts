import { area } from '../../../i18n/area';

/** The texts of the page of the account settings. */
export const settings = area(
  {
    'settings.accountId': 'Account ID',
    'settings.accountIdText': '12 digits. Without it they are random.',
    'settings.accounts': 'Accounts',
    'settings.accountsText':
      'The accounts of this installation. They see nothing of each other that a policy does not open.',
    'settings.alias': 'Account alias',
    'settings.ANONYMOUS_PULL': 'Lets callers who prove nothing pull where a policy allows everyone to.',
    'settings.anonymousWarning':
      'Anyone who reaches this registry may then pull from repositories whose policy allows * to.',
    'settings.BASIC_SCAN_TYPE_VERSION': 'The scanner of basic scanning. There is one.',
    'settings.BLOB_MOUNTING':
      'Lets a push take layers from other repositories of the registry instead of uploading them.',
    'settings.bytes': 'Size',
    'settings.createAccount': 'Create account',
    'settings.createText': 'The account gets a root user with an access key, whose secret is shown once.',
    'settings.images': 'Images',
    'settings.layers': 'Layers and configurations',
    'settings.name': 'Name',
    'settings.noAccounts': 'There are no accounts.',
    'settings.noLimit': 'No limit',
    'settings.noQuotas': 'There are no quotas.',
    'settings.perSecond': '{n} per second',
    'settings.quotas': 'Quotas',
    'settings.quotasText':
      'What the account may hold, and how often it may ask. They are changed by the nifuda command.',
    'settings.region': 'Settings of the registry',
    'settings.regionText': 'They hold for this account in this region.',
    'settings.REGISTRY_POLICY_SCOPE':
      'What the registry policy decides about: V2 everything, V1 only replication and pull-through caches.',
    'settings.repositories': 'Repositories',
    'settings.text': 'What holds for the whole account.',
    'settings.usage': 'Usage',
    'settings.usageText': 'What the account holds of what quotas limit, in all regions.',
    'settings.value': 'Value',
    'settings.wasSet': 'Set',
  },
  {
    'settings.accountId': 'アカウント ID',
    'settings.accountIdText': '12 桁の数字です。省略するとランダムになります。',
    'settings.accounts': 'アカウント',
    'settings.accountsText': 'この環境のアカウントです。ポリシーで許可しない限り、互いの内容は見えません。',
    'settings.alias': 'アカウントエイリアス',
    'settings.ANONYMOUS_PULL': 'ポリシーで全員に許可されている場合、認証なしのプルを許可します。',
    'settings.anonymousWarning':
      '有効にすると、ポリシーで * に許可されたリポジトリからは、このレジストリに到達できる人なら誰でもプルできます。',
    'settings.BASIC_SCAN_TYPE_VERSION': '基本スキャンのスキャナーです。1 種類だけです。',
    'settings.BLOB_MOUNTING':
      'プッシュ時に、アップロードの代わりに同じレジストリの他のリポジトリのレイヤーを利用できます。',
    'settings.bytes': 'サイズ',
    'settings.createAccount': 'アカウントを作成',
    'settings.createText': 'ルートユーザーのアクセスキーが作成されます。シークレットは一度だけ表示されます。',
    'settings.images': 'イメージ数',
    'settings.layers': 'レイヤーと設定',
    'settings.name': '名前',
    'settings.noAccounts': 'アカウントはありません。',
    'settings.noLimit': '無制限',
    'settings.noQuotas': 'クォータはありません。',
    'settings.perSecond': '{n} 件/秒',
    'settings.quotas': 'クォータ',
    'settings.quotasText': 'アカウントの容量とリクエスト頻度の上限です。nifuda コマンドで変更します。',
    'settings.region': 'レジストリの設定',
    'settings.regionText': 'このアカウントのこのリージョンに適用されます。',
    'settings.REGISTRY_POLICY_SCOPE':
      'レジストリポリシーの適用範囲です。V2 はすべて、V1 はレプリケーションとプルスルーキャッシュのみです。',
    'settings.repositories': 'リポジトリ数',
    'settings.text': 'アカウント全体に適用される設定です。',
    'settings.usage': '使用量',
    'settings.usageText': 'クォータの対象となる、全リージョンの使用量です。',
    'settings.value': '値',
    'settings.wasSet': '変更済み',
  },
);
