export {
  checkMessageAuthenticator,
  checkReply,
  checkRequestAuthenticator,
  sameBytes,
} from './authenticators.ts';
export { AttributeWriter, encodeReply, encodeRequest, randomAuthenticator, replyLength } from './encode.ts';
export { decryptPassword, decryptSalted, encryptPassword, encryptSalted, mppeKeys } from './hide.ts';
export { md4 } from './md4.ts';
export { hmacMd5, md5, Secret } from './md5.ts';
export {
  ATTRIBUTE,
  CODE,
  MAX_ATTRIBUTES,
  MAX_PACKET,
  MAX_SALTED,
  MAX_VENDOR_VALUE,
  VENDOR,
} from './numbers.ts';
export { type Attribute, type ExtendedAttribute, Packet, parsePacket } from './packet.ts';
