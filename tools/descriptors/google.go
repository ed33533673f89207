package main

// Status travels in xDS error details and in gRPC trailers; error details are what a CA or an authorisation server puts in it.
import (
	_ "google.golang.org/genproto/googleapis/rpc/errdetails"
	_ "google.golang.org/genproto/googleapis/rpc/status"
)
