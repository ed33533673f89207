// Command go-http-server is Go's own HTTP server, over HTTP/1.1 and HTTP/2 in the clear by prior knowledge: it answers every
// request with `ok`, and ends connections that were without one for as long as it is told (a GOAWAY first, over HTTP/2). It
// listens on a port of its own choice on the loopback, prints it, and ends when it is told to.
//
//	go-http-server IDLE-TIMEOUT
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go-http-server IDLE-TIMEOUT, such as 5ms")
		os.Exit(2)
	}
	if err := serve(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "go-http-server:", err)
		os.Exit(1)
	}
}

func serve(idleTimeout string) error {
	idle, err := time.ParseDuration(idleTimeout)
	if err != nil {
		return err
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{IdleTimeout: idle, Protocols: protocols, Handler: http.HandlerFunc(answer)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("port %d\n", listener.Addr().(*net.TCPAddr).Port)
	return server.Serve(listener)
}

func answer(response http.ResponseWriter, request *http.Request) {
	if _, err := io.Copy(io.Discard, request.Body); err != nil {
		return
	}
	fmt.Fprint(response, "ok")
}
