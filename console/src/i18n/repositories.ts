import { area } from './area';

export const repositories = area(
  {
    'repositories.title': 'Repositories',
    'repositories.pushHeader': 'Push commands for {name}',
    'repositories.pullHeader': 'Pull commands for {name}',
    'repositories.direction': 'What to do',
    'repositories.push': 'Push',
    'repositories.pull': 'Pull',
    'repositories.engine': 'Container engine',
    'repositories.system': 'Operating system',
    'repositories.posix': 'macOS / Linux',
    'repositories.powershell': 'Windows (PowerShell)',
    'repositories.stepLogin': 'Sign {engine} in with a password from the AWS CLI. It is good for 12 hours.',
    'repositories.stepBuild': 'Build your image. Skip this step if it is built already.',
    'repositories.stepTag': 'Tag the image, so that it can be pushed to this repository.',
    'repositories.stepPush': 'Push the image to this repository.',
    'repositories.stepPull': 'Pull the image from this repository.',
    'repositories.insecureHeader': 'docker has to trust this registry first',
    'repositories.insecureText':
      'The registry is reached without TLS. Put this into daemon.json of docker and start docker again.',
    'repositories.setUp': 'Set up the AWS CLI for this registry',
    'repositories.setUpText':
      'Once on each machine. The first command asks for your access key. On the machine of the server, the export line that it prints at its start does the same.',
  },
  {
    'repositories.title': 'リポジトリ',
    'repositories.pushHeader': '{name} のプッシュコマンド',
    'repositories.pullHeader': '{name} のプルコマンド',
    'repositories.direction': '操作',
    'repositories.push': 'プッシュ',
    'repositories.pull': 'プル',
    'repositories.engine': 'コンテナエンジン',
    'repositories.system': 'オペレーティングシステム',
    'repositories.posix': 'macOS / Linux',
    'repositories.powershell': 'Windows (PowerShell)',
    'repositories.stepLogin':
      'AWS CLI で取得したパスワードで {engine} をサインインさせます。パスワードは 12 時間有効です。',
    'repositories.stepBuild':
      'イメージをビルドします。既にビルドされている場合は、この手順をスキップできます。',
    'repositories.stepTag': 'このリポジトリにプッシュできるように、イメージにタグを付けます。',
    'repositories.stepPush': 'イメージをこのリポジトリにプッシュします。',
    'repositories.stepPull': 'イメージをこのリポジトリからプルします。',
    'repositories.insecureHeader': '先に docker の設定が必要です',
    'repositories.insecureText':
      'このレジストリへの接続は TLS を使いません。docker の daemon.json に次の設定を加え、docker を再起動してください。',
    'repositories.setUp': 'このレジストリ用に AWS CLI を設定する',
    'repositories.setUpText':
      'マシンごとに一度だけ必要です。最初のコマンドはアクセスキーを尋ねます。サーバーのマシンでは、サーバーが起動時に表示する export の行で同じことができます。',
  },
);
