/** Flow-control windows in bytes: 64 KB, the default of HTTP/2, would cost a round trip per 64 KB of a large message. */
export const STREAM_WINDOW: number = 1024 * 1024;
/** Node gives a connection's window back as soon as bytes have come, so that a paused stream holds up no other: this bounds bytes on their way. */
export const CONNECTION_WINDOW: number = 4 * 1024 * 1024;

/** Megabytes that Node lets one session hold before it refuses streams; its 10 would do so while one large message is being sent. */
export const SESSION_MEMORY_MB = 4096;
