import { Details } from '../home/details.tsx';
import { Hero } from '../home/hero.tsx';
import { Networks } from '../home/networks.tsx';
import { Traffic } from '../home/traffic.tsx';
import { useFrame } from '../model.tsx';

/** The state at one glance, and what belongs to it. */
export function Home() {
  const { model } = useFrame();
  return (
    <div className="page home">
      <Hero />
      <Details />
      {model.status?.enrolled && <Traffic />}
      <Networks />
    </div>
  );
}
