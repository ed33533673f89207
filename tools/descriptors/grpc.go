package main

// gRPC's route lookup service: the messages of its cluster specifier plugin are in an internal package of grpc-go, which the public
// package of the policy links in.
import _ "google.golang.org/grpc/balancer/rls"
