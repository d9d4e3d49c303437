/** The npm package, as far as tests use it; it brings no types. */
declare module 'radius' {
  type Attributes = readonly (readonly unknown[])[];
  interface Decoded {
    code: string;
    identifier: number;
    attributes: Record<string, unknown>;
  }
  const radius: {
    decode(args: { packet: Buffer; secret: string }): Decoded;
    encode(args: { code: string; secret: string; attributes: Attributes; add_message_authenticator?: boolean }): Buffer;
    encode_response(args: { packet: Decoded; code: string; secret: string; attributes: Attributes }): Buffer;
    verify_response(args: { request: Buffer; response: Buffer; secret: string }): boolean;
  };
  export default radius;
}
