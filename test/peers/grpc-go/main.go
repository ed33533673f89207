// Command grpc-go-watcher is a client of grpc-go that follows an xDS target and calls nobody: what it makes of a feed is seen by
// the control plane, which it tells ACK or NACK with the reason, and by whoever asks its Client Status Discovery Service. It ends
// when it is told to. In its second form it is that asker: it prints the status that a server tells of itself, as JSON. In its
// third it is a server by an xDS feed.
//
//	GRPC_XDS_BOOTSTRAP_CONFIG='{…}' grpc-go-watcher xds:///shop [STATUS-ADDRESS]
//	grpc-go-watcher status ADDRESS
//	GRPC_XDS_BOOTSTRAP_CONFIG='{…}' grpc-go-watcher serve ADDRESS
package main

import (
	"context"
	"fmt"
	"net"
	"os"

	statuspb "github.com/envoyproxy/go-control-plane/envoy/service/status/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/xds"
	"google.golang.org/grpc/xds/csds"
	"google.golang.org/protobuf/encoding/protojson"
)

func main() {
	args := os.Args[1:]
	var err error
	switch {
	case len(args) == 2 && args[0] == "status":
		err = status(args[1])
	case len(args) == 2 && args[0] == "serve":
		err = serve(args[1])
	case len(args) == 1:
		err = watch(args[0], "")
	case len(args) == 2:
		err = watch(args[0], args[1])
	default:
		fmt.Fprintln(os.Stderr, "usage: grpc-go-watcher TARGET [STATUS-ADDRESS] | grpc-go-watcher status ADDRESS | grpc-go-watcher serve ADDRESS")
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "grpc-go-watcher:", err)
		os.Exit(1)
	}
}

func watch(target, statusAddress string) error {
	if statusAddress != "" {
		if err := serveStatus(statusAddress); err != nil {
			return err
		}
	}
	// Never idle: an idle channel leaves its feed.
	channel, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithIdleTimeout(0))
	if err != nil {
		return err
	}
	defer channel.Close()
	for {
		state := channel.GetState()
		fmt.Println(state)
		channel.Connect()
		channel.WaitForStateChange(context.Background(), state)
	}
}

func serveStatus(address string) error {
	socket, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	service, err := csds.NewClientStatusDiscoveryServer()
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	statuspb.RegisterClientStatusDiscoveryServiceServer(server, service)
	go server.Serve(socket)
	return nil
}

// One line. Contents are left out: protojson knows only the messages that this program has.
func status(address string) error {
	channel, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer channel.Close()
	client := statuspb.NewClientStatusDiscoveryServiceClient(channel)
	request := &statuspb.ClientStatusRequest{ExcludeResourceContents: true}
	response, err := client.FetchClientStatus(context.Background(), request)
	if err != nil {
		return err
	}
	for _, config := range response.Config {
		for _, resource := range config.GenericXdsConfigs {
			resource.XdsConfig = nil
			if resource.ErrorState != nil {
				resource.ErrorState.FailedConfiguration = nil
			}
		}
	}
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(response)
	if err != nil {
		return err
	}
	fmt.Println(string(text))
	return nil
}
