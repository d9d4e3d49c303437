import { startTestAppliance } from '../harness.ts';
import { median, ms } from './cpu.ts';

/** What an administrator waits for each list of a network with `spokes` peers, the parsing of the answer included. */
export async function benchLists(spokes: number): Promise<Record<string, string | number>[]> {
  const ends: (() => unknown)[] = [];
  const { admin } = await startTestAppliance({ after: (end: () => unknown) => ends.push(end) });
  try {
    const { id } = (await admin.post('/api/v1/networks', { name: 'lists', cidr: '10.64.0.0/12' })).body;
    let made = 0;
    const make = async () => {
      while (made < spokes) await admin.post(`/api/v1/networks/${id}/peers`, { name: `laptop-${made++}` });
    };
    await Promise.all(Array.from({ length: 8 }, make));
    const lists = {
      networks: '/networks',
      'a page of 500 peers': `/networks/${id}/peers?page_size=500`,
      'a page of 100 addresses': '/ipam?page_size=100',
      'all addresses of the network': `/ipam/networks/${id}`,
      'all DNS records': `/networks/${id}/dns`,
      sessions: `/networks/${id}/sessions`,
    };
    const rows: Record<string, string | number>[] = [];
    for (const [list, route] of Object.entries(lists)) {
      const times: number[] = [];
      for (let i = 0; i < 15; i++) {
        const start = performance.now();
        const { status } = await admin.get(`/api/v1${route}`);
        if (status !== 200) throw new Error(`${route} answered ${status}`);
        times.push(performance.now() - start);
      }
      rows.push({ list, peers: spokes, 'ms (median of 15)': ms(median(times)) });
    }
    return rows;
  } finally {
    for (const end of ends) await end();
  }
}
