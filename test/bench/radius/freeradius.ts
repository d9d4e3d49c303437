import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Server } from './server.ts';

/** FreeRADIUS 3.2's own schema, as its package has it. */
const SCHEMA = '/etc/freeradius/3.0/mods-config/sql/main/sqlite/schema.sql';
const QUERIES = '/etc/freeradius/3.0/mods-config/sql/main/sqlite/queries.conf';

/**
 * FreeRADIUS from Debian with the least that answers: no logging of requests, no proxying, users in memory (`files`, a
 * hash table), and only the modules that the case needs. Nothing here makes it slower than it has to be.
 */
export async function startFreeradius(options: {
  /** `files` text of the users. */
  users: string;
  /** A folder with ca.pem, server.pem, server.key. */
  certificates: string;
  port: number;
  acctPort: number;
  /** Whether EAP sessions may be resumed. */
  resume: boolean;
}): Promise<Server> {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-freeradius-'));
  const write = (name: string, text: string): void => {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  };
  const database = path.join(folder, 'accounting.db');
  execFileSync('chmod', ['755', folder]);
  write('users', options.users);
  write('dictionary', '');
  write('radiusd.conf', radiusd({ ...options, folder, database }));
  const child = spawn('/usr/sbin/freeradius', ['-f', '-l', path.join(folder, 'log'), '-d', folder, '-n', 'radiusd'], {
    stdio: 'ignore',
  });
  const log = path.join(folder, 'log');
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  if (child.exitCode !== null) throw new Error(`FreeRADIUS did not start; see ${log}`);
  return {
    name: 'FreeRADIUS 3.2',
    pid: child.pid as number,
    port: options.port,
    acctPort: options.acctPort,
    async stop() {
      // Under load 3.2.1 may spin instead of ending.
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

type Written = Parameters<typeof startFreeradius>[0] & { folder: string; database: string };

const radiusd = ({ folder, database, certificates, port, acctPort, resume }: Written): string => `
prefix = /usr
libdir = /usr/lib/freeradius
confdir = ${folder}
run_dir = ${folder}
db_dir = ${folder}
raddbdir = ${folder}
logdir = ${folder}
name = radiusd
pidfile = ${folder}/pid
max_request_time = 30
cleanup_delay = 5
max_requests = 65536
hostname_lookups = no
log {
  destination = files
  file = ${folder}/log
  auth = no
}
security {
  reject_delay = 1
  status_server = yes
}
proxy_requests = no
thread pool {
  start_servers = 2
  max_servers = 4
  min_spare_servers = 1
  max_spare_servers = 4
  max_requests_per_server = 0
}
client bench {
  ipaddr = 127.0.0.1
  secret = testing123
  require_message_authenticator = yes
}
modules {
  files {
    usersfile = ${folder}/users
  }
  pap { }
  expr { }
  preprocess { }
  mschap { }
  always ok {
    rcode = ok
  }
  sql {
    driver = rlm_sql_sqlite
    dialect = sqlite
    sqlite {
      filename = ${database}
      busy_timeout = 2000
      bootstrap = ${SCHEMA}
    }
    radius_db = radius
    acct_table1 = radacct
    acct_table2 = radacct
    postauth_table = radpostauth
    authcheck_table = radcheck
    groupcheck_table = radgroupcheck
    authreply_table = radreply
    groupreply_table = radgroupreply
    usergroup_table = radusergroup
    delete_stale_sessions = yes
    pool {
      start = 1
      min = 1
      max = 4
      spare = 1
      uses = 0
      lifetime = 0
      idle_timeout = 600
    }
    read_clients = no
    client_table = nas
    group_attribute = "SQL-Group"
    $INCLUDE ${QUERIES}
  }
  eap {
    default_eap_type = peap
    timer_expire = 60
    max_sessions = 16384
    tls-config bench {
      private_key_file = ${certificates}/server.key
      certificate_file = ${certificates}/server.pem
      ca_file = ${certificates}/ca.pem
      tls_min_version = "1.2"
      tls_max_version = "1.3"
      ecdh_curve = "prime256v1"
      cipher_list = "DEFAULT"
      fragment_size = 1024
      cache {
        enable = ${resume ? 'yes' : 'no'}
        lifetime = 24
        name = "bench"
        max_entries = 65536
      }
    }
    tls {
      tls = bench
    }
    ttls {
      tls = bench
      default_eap_type = md5
      copy_request_to_tunnel = no
      use_tunneled_reply = no
      virtual_server = "inner"
    }
    peap {
      tls = bench
      default_eap_type = mschapv2
      copy_request_to_tunnel = no
      use_tunneled_reply = no
      virtual_server = "inner"
    }
    mschapv2 { }
    gtc {
      auth_type = PAP
    }
  }
}
server default {
  listen {
    type = auth
    ipaddr = 127.0.0.1
    port = ${port}
  }
  listen {
    type = acct
    ipaddr = 127.0.0.1
    port = ${acctPort}
  }
  authorize {
    mschap
    eap {
      ok = return
    }
    files
    pap
  }
  authenticate {
    Auth-Type PAP {
      pap
    }
    Auth-Type MS-CHAP {
      mschap
    }
    eap
  }
  preacct {
    ok
  }
  accounting {
    sql
  }
  session { }
  post-auth { }
}
server inner {
  authorize {
    mschap
    eap {
      ok = return
    }
    files
    pap
  }
  authenticate {
    Auth-Type PAP {
      pap
    }
    Auth-Type MS-CHAP {
      mschap
    }
    eap
  }
  session { }
  post-auth { }
}
`;
