import { enFacts } from './facts/en.ts';

/** English, which defines keys and placeholders. */
export const en = {
  'state.starting.title': 'Starting',
  'state.starting.detail': 'Asking the Gatehouse service how things stand.',
  'state.daemon-starting.title': 'Starting the service',
  'state.daemon-starting.detail': 'This takes a few seconds. Your system may ask for your permission.',
  'state.daemon-down.title': 'The service is not running',
  'state.daemon-down.detail': 'Without the Gatehouse service there is no connection. Start it to go on.',
  'state.daemon-denied.title': 'Not allowed to use the service',
  'state.daemon-denied.detail':
    'Your account may not talk to the Gatehouse service. Ask the administrator of this computer to allow it.',
  'state.daemon-denied.detail.linux':
    'Your account may not talk to the Gatehouse service. Ask the administrator of this computer to add you to the group “gatehouse”, then log out and in again.',
  'state.daemon-untrusted.title': 'The service can’t be trusted',
  'state.daemon-untrusted.detail':
    'What answers as the Gatehouse service belongs to {owner}, not to the system. Nothing was sent to it. Ask the administrator of this computer.',
  'state.version-mismatch.title': 'App and service don’t match',
  'state.version-mismatch.older':
    'The service ({daemon}) is older than this app ({app}). Restart this computer; if that doesn’t help, install Gatehouse again.',
  'state.version-mismatch.newer':
    'The service ({daemon}) is newer than this app ({app}). Quit Gatehouse and open it again; if that doesn’t help, update the app.',
  'state.not-enrolled.title': 'No network yet',
  'state.not-enrolled.detail': 'Open the invitation link from your administrator, or paste it here.',
  'state.not-enrolled.asked': 'You were invited to {host}. Look at the invitation and confirm it.',
  'state.enrolling.title': 'Joining the network',
  'state.enrolling.detail': 'This computer is making its keys and introducing itself.',
  'state.signed-out.title': 'Signed out by the administrator',
  'state.signed-out.detail':
    'This computer no longer belongs to {network}. Ask your administrator for a new invitation.',
  'state.disconnecting.title': 'Disconnecting',
  'state.disconnecting.detail': 'Closing the connection to {network}.',
  'state.disconnected.title': 'Disconnected',
  'state.disconnected.detail': '{network} can’t be reached from here until you connect.',
  'state.connecting.title': 'Connecting to {network}',
  'state.connecting.detail': 'This takes a few seconds.',
  'state.captive.title': 'Sign in to the Wi-Fi',
  'state.captive.detail':
    'The network you are in wants you to sign in first. Open its page; Gatehouse connects by itself afterwards.',
  'state.no-internet.title': 'No internet',
  'state.no-internet.detail': 'This computer isn’t in any network. Gatehouse reconnects by itself when it is.',
  'state.no-internet.silent':
    'Nothing of {network} answers. Check your internet connection; Gatehouse reconnects by itself.',
  'state.quarantined.title': 'Access on hold',
  'state.quarantined.detail': '{network} isn’t letting this computer in yet. Ask your administrator why.',
  'state.quarantined.reason': '{network} isn’t letting this computer in yet: {reason}',
  'state.quarantined.fix': '{network} isn’t letting this computer in until this is fixed: {fact}. {advice}',
  'state.connected.title': 'Connected to {network}',
  'state.connected.hub': 'Since {time}, through {hub}.',
  'state.connected.latency': 'Since {time}, through {hub}, {latency}.',
  'state.connected.own': 'Since {time}. This computer is a hub of the network.',
  'state.connected.plain': 'Since {time}.',

  'note.more': { one: 'And one more thing.', other: 'And {n} more things.' },
  'note.missing': 'Some things may be out of reach until this is fixed: {fact}.',
  'note.warnings': { one: 'One thing needs a look.', other: '{n} things need a look.' },
  'note.versions': 'The app is version {app}, the service {daemon}: update the older one.',

  'cause.not-enrolled.title': 'No network yet',
  'cause.not-enrolled.advice': 'This computer isn’t in a network. Open the invitation link from your administrator.',
  'cause.no-privileges.title': 'The service lacks permission',
  'cause.no-privileges.advice':
    'The service may not make a network connection. Install Gatehouse again, or ask the administrator of this computer.',
  'cause.no-wireguard.title': 'WireGuard is missing',
  'cause.no-wireguard.advice':
    'This computer has no WireGuard, which carries the connection. Install Gatehouse again, or ask the administrator of this computer.',
  'cause.controller-unreachable.title': 'The controller is out of reach',
  'cause.controller-unreachable.advice':
    'What was set up before goes on working; changes arrive later. You don’t have to do anything.',
  'cause.controller-unreachable.waiting':
    'The controller of {network} doesn’t answer. Check your internet connection; Gatehouse keeps trying.',
  'cause.certificate.title': 'The controller can’t be trusted',
  'cause.certificate.advice':
    'Its certificate isn’t valid for this address. Check date and time of this computer; if they are right, tell your administrator.',
  'cause.revoked.title': 'Signed out by the administrator',
  'cause.revoked.advice': 'This computer was removed. Ask your administrator for a new invitation.',
  'cause.no-hub.title': 'This network has no hub yet',
  'cause.no-hub.advice': 'Your administrator has to add one; Gatehouse connects by itself then.',
  'cause.no-handshake.title': 'The hub doesn’t answer',
  'cause.no-handshake.advice':
    'Perhaps this network blocks the connection: try another one, such as your phone’s. If that doesn’t help, tell your administrator.',
  'cause.no-traffic.title': 'Nothing comes through',
  'cause.no-traffic.advice':
    'The hub was reached, but nothing arrives from it. Try another network; if that doesn’t help, tell your administrator.',
  'cause.apply-failed.title': 'The connection can’t be set up',
  'cause.apply-failed.advice':
    'Your system refused a change. Gatehouse keeps trying; the check-up shows what is in the way.',
  'cause.no-network.title': 'No internet',
  'cause.no-network.advice': 'Connect this computer to a network. Gatehouse reconnects by itself.',
  'cause.endpoint-unresolved.title': 'The hub’s name isn’t found',
  'cause.endpoint-unresolved.advice':
    'The name service of this network doesn’t know the hub. Try another network; if that doesn’t help, tell your administrator.',

  'action.connect': 'Connect',
  'action.disconnect': 'Disconnect',
  'action.enroll': 'Join a network…',
  'action.enroll.asked': 'Look at the invitation…',
  'action.start-daemon': 'Start the service',
  'action.open-portal': 'Open the sign-in page',
  'action.show-posture': 'Show what to fix',
  'action.check-posture': 'Check again',
  'action.show-doctor': 'Run a check-up',
  'action.show-window': 'Open Gatehouse',
  'action.show-settings': 'Settings…',
  'action.show-logs': 'Show the log',
  'action.report-problem': 'Report a problem…',
  'action.install-update': 'Install version {version}',
  'action.check-update': 'Look for updates',
  'action.use-profile': 'Use {network}',
  'action.remove-profile': 'Leave {network}…',
  'action.copy-address': 'Copy own address ({address})',
  'action.copy-address.short': 'Copy own address',
  'action.quit': 'Quit',
  'action.quit.darwin': 'Quit Gatehouse',
  'action.quit.win32': 'Exit',

  'menu.profiles': 'Networks',
  'menu.signed-out': '{network} (signed out)',
  'name.unnamed': 'unnamed',

  'notice.disconnected.title': 'Disconnected',
  'notice.disconnected.body': 'The connection to {network} was closed outside this app.',
  'notice.recovered.title': 'Connected again',
  'notice.recovered.body': '{network} can be reached again.',
  'notice.admitted.title': 'Access restored',
  'notice.admitted.body': '{network} lets this computer in again.',
  'notice.posture.title': 'Something to fix on this computer',
  'notice.update.title': 'Gatehouse {version} is ready',
  'notice.update.body': 'It is installed when you choose to. The connection is back within seconds.',
  'notice.update-stale.title': 'No news of updates',
  'notice.update-stale.body':
    'No news from the update folder since {time}: there may be a newer version. Ask your administrator.',

  'offer.empty': 'There is nothing to read. Paste the invitation link from your administrator.',
  'offer.too-long': 'That is too long for an invitation. Paste the link alone.',
  'offer.too-many': 'Several invitations are waiting already. Answer them first, then open or paste this one again.',
  'offer.not-an-offer': 'That is no invitation. Paste the link from your administrator whole and alone.',
  'offer.no-token': 'The invitation has no token. Paste the link whole, up to its end.',
  'offer.bad-token': 'The token isn’t whole or has foreign characters. Copy it again.',
  'offer.bad-pin':
    'The certificate that the invitation names is not whole, or doesn’t fit its address. Copy the link again.',
  'offer.bad-url': 'The address of the controller isn’t right. It looks like https://gate.example.org.',
  'offer.login-in-url': 'The address holds a user name or password. For your safety it isn’t used; ask for a new link.',

  ...enFacts,
} as const;
