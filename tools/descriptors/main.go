// Command descriptors writes the FileDescriptorSet that packages/api is generated from.
//
// It asks Go's protobuf registry instead of a proto compiler: the public Go modules of the Envoy API carry complete
// descriptors (validation rules and annotations included, comments left out), are pinned by go.sum, and need neither
// the .proto files nor buf. What is in the set is what the blank imports in the other files of this folder link in;
// one file per source, so that another module (Istio's filters, a CA, SPIFFE) joins as a file and a line in roots.
package main

import (
	"fmt"
	"os"
	"sort"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// roots are the folders whose linked files belong in the set. All else (validate, google/protobuf, cel) follows only
// where a root imports it, so a proto that a Go library happens to link for itself stays out.
var roots = []string{"envoy/", "xds/", "udpa/", "google/rpc/", "grpc/lookup/v1/", "security/v1alpha1/ca.proto", "workload.proto"}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: descriptors <output.binpb>")
		os.Exit(2)
	}
	set := collect(protoregistry.GlobalFiles)
	bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(set)
	if err == nil {
		err = os.WriteFile(os.Args[1], bytes, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "descriptors:", err)
		os.Exit(1)
	}
	fmt.Printf("%d files, %d bytes\n", len(set.File), len(bytes))
}

// collect returns every root file and its imports. An import comes before the file that needs it, as readers of a
// FileDescriptorSet expect, and roots are taken in order of path, so that equal input gives equal bytes.
func collect(files *protoregistry.Files) *descriptorpb.FileDescriptorSet {
	var rootFiles []protoreflect.FileDescriptor
	files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if isRoot(file.Path()) {
			rootFiles = append(rootFiles, file)
		}
		return true
	})
	sort.Slice(rootFiles, func(i, j int) bool { return rootFiles[i].Path() < rootFiles[j].Path() })

	set := &descriptorpb.FileDescriptorSet{}
	seen := map[string]bool{}
	var visit func(file protoreflect.FileDescriptor)
	visit = func(file protoreflect.FileDescriptor) {
		if seen[file.Path()] {
			return
		}
		seen[file.Path()] = true
		imports := file.Imports()
		for i := range imports.Len() {
			visit(imports.Get(i).FileDescriptor)
		}
		set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
	}
	for _, file := range rootFiles {
		visit(file)
	}
	return set
}

func isRoot(path string) bool {
	for _, root := range roots {
		if strings.HasPrefix(path, root) {
			return true
		}
	}
	return false
}
