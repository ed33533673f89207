package main

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	xdscreds "google.golang.org/grpc/credentials/xds"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/xds"
)

// A server by an xDS feed, its TLS included: it tells of its health, and in the header x-peer who asks.
func serve(address string) error {
	creds, err := xdscreds.NewServerCredentials(xdscreds.ServerOptions{FallbackCreds: insecure.NewCredentials()})
	if err != nil {
		return err
	}
	socket, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	told := xds.ServingModeCallback(func(_ net.Addr, args xds.ServingModeChangeArgs) {
		if args.Mode == connectivity.ServingModeServing {
			fmt.Println("SERVING")
		} else {
			fmt.Println("NOT SERVING:", args.Err)
		}
	})
	server, err := xds.NewGRPCServer(grpc.Creds(creds), grpc.UnaryInterceptor(tellPeer), told)
	if err != nil {
		return err
	}
	healthpb.RegisterHealthServer(server, health.NewServer())
	return server.Serve(socket)
}

func tellPeer(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if err := grpc.SetHeader(ctx, metadata.Pairs("x-peer", peerOf(ctx))); err != nil {
		return nil, err
	}
	return handler(ctx, request)
}

func peerOf(ctx context.Context) string {
	from, ok := peer.FromContext(ctx)
	if !ok {
		return "unknown"
	}
	tls, ok := from.AuthInfo.(credentials.TLSInfo)
	if !ok {
		return fmt.Sprintf("in the clear (%T)", from.AuthInfo)
	}
	if len(tls.State.PeerCertificates) == 0 || len(tls.State.PeerCertificates[0].URIs) == 0 {
		return "nobody"
	}
	return tls.State.PeerCertificates[0].URIs[0].String()
}
