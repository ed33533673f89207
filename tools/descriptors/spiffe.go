package main

// The Workload API: how a workload asks a SPIRE agent, or any other, who it is and whom to trust.
import (
	_ "github.com/spiffe/go-spiffe/v2/proto/spiffe/workload"
)
