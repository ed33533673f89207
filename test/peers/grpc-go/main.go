// Command grpc-go-watcher is a client of grpc-go that follows an xDS target and calls nobody: what it makes of a feed is seen by
// the control plane, which it tells ACK or NACK with the reason. It ends when it is told to.
//
//	GRPC_XDS_BOOTSTRAP_CONFIG='{…}' grpc-go-watcher xds:///shop
package main

import (
	"context"
	"fmt"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/xds"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: grpc-go-watcher TARGET")
		os.Exit(2)
	}
	// Never idle: an idle channel leaves its feed.
	channel, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithIdleTimeout(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, "grpc-go-watcher:", err)
		os.Exit(1)
	}
	defer channel.Close()
	for {
		state := channel.GetState()
		fmt.Println(state)
		channel.Connect()
		channel.WaitForStateChange(context.Background(), state)
	}
}
