import { fuzz } from './fuzzing.ts';

fuzz(200);
