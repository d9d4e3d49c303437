import { fuzz } from './fuzzing.ts';

fuzz(12);
