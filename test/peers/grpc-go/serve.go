package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	xdscreds "google.golang.org/grpc/credentials/xds"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/xds"
)

// A server by an xDS feed, its TLS included: it tells of its health, and says in the headers and trailers of each answer who asks. Its
// lines are JSON: whether it serves, and each call that it has let in.
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
		why := ""
		if args.Err != nil {
			why = args.Err.Error()
		}
		say(map[string]string{"mode": args.Mode.String(), "error": why})
	})
	server, err := xds.NewGRPCServer(
		grpc.Creds(creds), grpc.ChainUnaryInterceptor(tellPeer), grpc.ChainStreamInterceptor(tellPeerOfStream), told)
	if err != nil {
		return err
	}
	healthpb.RegisterHealthServer(server, health.NewServer())
	return server.Serve(socket)
}

func tellPeer(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	caller := sayCall(ctx, info.FullMethod)
	if err := grpc.SetTrailer(ctx, metadata.Pairs("x-peer-trailer", caller)); err != nil {
		return nil, err
	}
	answer, err := handler(ctx, request)
	if err != nil {
		// With no headers it is an answer of trailers only.
		return nil, err
	}
	return answer, grpc.SetHeader(ctx, metadata.Pairs("x-peer", caller))
}

func tellPeerOfStream(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	caller := sayCall(stream.Context(), info.FullMethod)
	if err := stream.SetHeader(metadata.Pairs("x-peer", caller)); err != nil {
		return err
	}
	return handler(service, stream)
}

func sayCall(ctx context.Context, method string) string {
	caller := peerOf(ctx)
	say(map[string]string{"method": method, "caller": caller})
	return caller
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

func say(line map[string]string) {
	text, _ := json.Marshal(line)
	fmt.Println(string(text))
}
