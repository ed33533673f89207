/** What the TCP proxies of one `stat_prefix` count, under Envoy's names (`tcp.<stat_prefix>.*`), downstream being the application. */
export class TcpStats {
  downstream_cx_total = 0;
  /** Streams that are open, or on their way. */
  downstream_cx_active = 0;
  downstream_cx_no_route = 0;
  /** Bytes that the application wrote. */
  downstream_cx_rx_bytes_total = 0;
  /** Bytes that the application was given. */
  downstream_cx_tx_bytes_total = 0;
  idle_timeout = 0;
  max_downstream_connection_duration = 0;
}
