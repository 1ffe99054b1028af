import { area } from './area';

export const signin = area(
  {
    'signin.title': 'Sign in',
    'signin.accessKey': 'Access key',
    'signin.password': 'User and password',
    'signin.accessKeyId': 'Access key ID',
    'signin.secret': 'Secret access key',
    'signin.region': 'Region',
    'signin.submit': 'Sign in',
    'signin.hint': 'The secret is exchanged for a session of one hour and not kept.',
    'signin.expired': 'Your session has ended. Sign in to go on where you were.',
    'signin.signOut': 'Sign out',
  },
  {
    'signin.title': 'サインイン',
    'signin.accessKey': 'アクセスキー',
    'signin.password': 'ユーザー名とパスワード',
    'signin.accessKeyId': 'アクセスキー ID',
    'signin.secret': 'シークレットアクセスキー',
    'signin.region': 'リージョン',
    'signin.submit': 'サインイン',
    'signin.hint': 'シークレットは 1 時間のセッションと引き換えに使われ、保存されません。',
    'signin.expired': 'セッションが終了しました。サインインすると、元の画面から続けられます。',
    'signin.signOut': 'サインアウト',
  },
);
