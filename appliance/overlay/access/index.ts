export { unknownGroups } from './changes.ts';
export { type AccessAnswers, createDoor, DOOR_EVENTS } from './door.ts';
