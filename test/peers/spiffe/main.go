// Command spiffe-agent serves the SPIFFE Workload API on a unix socket, as go-spiffe's messages and checks have it: what SPIRE's agent is
// to its workloads. Its CA is in memory; it attests nobody. Test equipment: loopback only.
//
// On -control it listens for POST /state with a JSON State, which becomes what it serves, and answers with what it made of it. Each
// call of the API is a line of JSON on stdout.
package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/spiffe/go-spiffe/v2/bundle/jwtbundle"
	"github.com/spiffe/go-spiffe/v2/proto/spiffe/workload"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
)

// State is what the API serves: whole, each time.
type State struct {
	TrustDomain string
	// Identities of every caller, in this order; each state issues their SVIDs anew.
	Svids []Svid
	// Further trust domains whose bundles are told.
	Federated []string
	// The domain gets a further root, which issues from now on; the older ones stay in its bundle.
	NewRoot bool
	// The SVIDs that were issued before are on the list of revoked ones.
	Revoke bool
	// gRPC's code that every call ends with; 0 for none.
	Refuse codes.Code
	// SVIDs have the key of another one.
	WrongKey bool
}

// Svid is one identity.
type Svid struct {
	ID, Hint   string
	TTLSeconds int
}

// Made is what a State became.
type Made struct {
	// PEM, by trust domain.
	Roots map[string]string
	// Hexadecimal serial numbers of the SVIDs, as in their order.
	Serials []string
}

type root struct {
	cert *x509.Certificate
	key  crypto.Signer
}

type domain struct {
	roots  []root
	jwtKey crypto.Signer
}

type agent struct {
	workload.UnimplementedSpiffeWorkloadAPIServer
	mu      sync.Mutex
	changed chan struct{}
	state   State
	domains map[string]*domain
	issued  []*big.Int
	crl     [][]byte
	x509    *workload.X509SVIDResponse
	bundles *workload.X509BundlesResponse
	jwt     *workload.JWTBundlesResponse
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func newKey() crypto.Signer { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }

func serial() *big.Int { return must(rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))) }

// caName is as SPIRE's: issuers are told apart by it.
func caName() pkix.Name {
	return pkix.Name{Country: []string{"US"}, Organization: []string{"SPIFFE"}, SerialNumber: serial().String()}
}

func newRoot(td string) root {
	key := newKey()
	template := &x509.Certificate{
		Subject: caName(), SerialNumber: serial(), NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		URIs: []*url.URL{{Scheme: "spiffe", Host: td}}, SubjectKeyId: serial().Bytes(),
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))
	return root{must(x509.ParseCertificate(der)), key}
}

func (a *agent) domain(name string) *domain {
	if a.domains[name] == nil {
		a.domains[name] = &domain{roots: []root{newRoot(name)}, jwtKey: newKey()}
	}
	return a.domains[name]
}

func (d *domain) bundle() []byte {
	var all [][]byte
	for _, r := range d.roots {
		all = append(all, r.cert.Raw)
	}
	return bytes.Join(all, nil)
}

func (d *domain) pem() string {
	var text bytes.Buffer
	for _, r := range d.roots {
		pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: r.cert.Raw})
	}
	return text.String()
}

func (d *domain) jwks(td string) []byte {
	bundle := jwtbundle.New(must(spiffeid.TrustDomainFromString(td)))
	if err := bundle.AddJWTAuthority("authority-1", d.jwtKey.Public()); err != nil {
		log.Fatal(err)
	}
	return must(bundle.Marshal())
}

// issue makes an SVID, by way of an intermediate of its own, as SPIRE's servers do.
func (a *agent) issue(svid Svid) *workload.X509SVID {
	id := must(spiffeid.FromString(svid.ID))
	d := a.domain(a.state.TrustDomain)
	top := d.roots[len(d.roots)-1]
	caKey := newKey()
	caTemplate := &x509.Certificate{
		Subject: caName(), SerialNumber: serial(), NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(12 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		URIs: []*url.URL{{Scheme: "spiffe", Host: a.state.TrustDomain}}, SubjectKeyId: serial().Bytes(),
	}
	ca := must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, caTemplate, top.cert, caKey.Public(), top.key))))
	key := newKey()
	leaf := &x509.Certificate{
		Subject: pkix.Name{Country: []string{"US"}, Organization: []string{"SPIRE"}}, SerialNumber: serial(), NotBefore: time.Now().Add(-time.Minute),
		NotAfter: time.Now().Add(time.Duration(svid.TTLSeconds) * time.Second),
		KeyUsage: x509.KeyUsageDigitalSignature, URIs: []*url.URL{id.URL()},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der := must(x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey))
	a.issued = append(a.issued, leaf.SerialNumber)
	if a.state.WrongKey {
		key = newKey()
	}
	return &workload.X509SVID{
		SpiffeId: svid.ID, Hint: svid.Hint, X509Svid: append(der, ca.Raw...),
		X509SvidKey: must(x509.MarshalPKCS8PrivateKey(key)), Bundle: d.bundle(),
	}
}

func (a *agent) set(state State) Made {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state = state
	own := a.domain(state.TrustDomain)
	if state.NewRoot {
		own.roots = append(own.roots, newRoot(state.TrustDomain))
	}
	if state.Revoke {
		top := own.roots[len(own.roots)-1]
		list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Minute), NextUpdate: time.Now().Add(time.Hour)}
		for _, each := range a.issued {
			list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: each, RevocationTime: time.Now()})
		}
		a.crl = [][]byte{must(x509.CreateRevocationList(rand.Reader, list, top.cert, top.key))}
	}
	made := Made{Roots: map[string]string{}}
	a.x509 = &workload.X509SVIDResponse{Crl: a.crl, FederatedBundles: map[string][]byte{}}
	a.bundles = &workload.X509BundlesResponse{Crl: a.crl, Bundles: map[string][]byte{}}
	a.jwt = &workload.JWTBundlesResponse{Bundles: map[string][]byte{}}
	for _, name := range append([]string{state.TrustDomain}, state.Federated...) {
		d := a.domain(name)
		made.Roots[name] = d.pem()
		a.bundles.Bundles["spiffe://"+name] = d.bundle()
		a.jwt.Bundles["spiffe://"+name] = d.jwks(name)
		if name != state.TrustDomain {
			a.x509.FederatedBundles["spiffe://"+name] = d.bundle()
		}
	}
	for _, svid := range state.Svids {
		a.x509.Svids = append(a.x509.Svids, a.issue(svid))
		made.Serials = append(made.Serials, a.issued[len(a.issued)-1].Text(16))
	}
	close(a.changed)
	a.changed = make(chan struct{})
	return made
}

// admit judges a call; the caller holds the lock.
func (a *agent) admit(ctx context.Context, method string) error {
	md, _ := metadata.FromIncomingContext(ctx)
	header := md.Get("workload.spiffe.io")
	json.NewEncoder(os.Stdout).Encode(map[string]any{"call": method, "header": header})
	if len(header) != 1 || header[0] != "true" {
		return status.Error(codes.InvalidArgument, "security header missing from request")
	}
	if a.state.Refuse != codes.OK {
		return status.Error(a.state.Refuse, "refused as told")
	}
	if len(a.state.Svids) == 0 && method != "FetchX509Bundles" && method != "FetchJWTBundles" {
		return status.Error(codes.PermissionDenied, "no identity issued")
	}
	return nil
}

// follow sends the state as it is, and again whenever it changes.
func follow[T any](a *agent, stream grpc.ServerStreamingServer[T], method string, get func() *T) error {
	for {
		a.mu.Lock()
		err, now, changed := a.admit(stream.Context(), method), get(), a.changed
		a.mu.Unlock()
		if err != nil {
			return err
		}
		if err := stream.Send(now); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}

func (a *agent) FetchX509SVID(_ *workload.X509SVIDRequest, stream grpc.ServerStreamingServer[workload.X509SVIDResponse]) error {
	return follow(a, stream, "FetchX509SVID", func() *workload.X509SVIDResponse { return a.x509 })
}

func (a *agent) FetchX509Bundles(_ *workload.X509BundlesRequest, stream grpc.ServerStreamingServer[workload.X509BundlesResponse]) error {
	return follow(a, stream, "FetchX509Bundles", func() *workload.X509BundlesResponse { return a.bundles })
}

func (a *agent) FetchJWTBundles(_ *workload.JWTBundlesRequest, stream grpc.ServerStreamingServer[workload.JWTBundlesResponse]) error {
	return follow(a, stream, "FetchJWTBundles", func() *workload.JWTBundlesResponse { return a.jwt })
}

func (a *agent) FetchJWTSVID(ctx context.Context, request *workload.JWTSVIDRequest) (*workload.JWTSVIDResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.admit(ctx, "FetchJWTSVID"); err != nil {
		return nil, err
	}
	if len(request.Audience) == 0 {
		return nil, status.Error(codes.InvalidArgument, "audience must be specified")
	}
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", "authority-1")
	signer := must(jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: a.domain(a.state.TrustDomain).jwtKey}, options))
	response := &workload.JWTSVIDResponse{}
	for _, svid := range a.state.Svids {
		if request.SpiffeId != "" && request.SpiffeId != svid.ID {
			continue
		}
		claims := jwt.Claims{
			Subject: svid.ID, Audience: request.Audience, IssuedAt: jwt.NewNumericDate(time.Now()),
			Expiry: jwt.NewNumericDate(time.Now().Add(time.Duration(svid.TTLSeconds) * time.Second)),
		}
		token := must(jwt.Signed(signer).Claims(claims).Serialize())
		response.Svids = append(response.Svids, &workload.JWTSVID{SpiffeId: svid.ID, Hint: svid.Hint, Svid: token})
	}
	if len(response.Svids) == 0 {
		return nil, status.Error(codes.PermissionDenied, "no such identity issued")
	}
	return response, nil
}

func (a *agent) ValidateJWTSVID(ctx context.Context, request *workload.ValidateJWTSVIDRequest) (*workload.ValidateJWTSVIDResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.admit(ctx, "ValidateJWTSVID"); err != nil {
		return nil, err
	}
	set := jwtbundle.NewSet()
	for name, jwks := range a.jwt.Bundles {
		set.Add(must(jwtbundle.Parse(must(spiffeid.TrustDomainFromString(name)), jwks)))
	}
	svid, err := jwtsvid.ParseAndValidate(request.Svid, set, []string{request.Audience})
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	claims, err := structpb.NewStruct(svid.Claims)
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return &workload.ValidateJWTSVIDResponse{SpiffeId: svid.ID.String(), Claims: claims}, nil
}

func main() {
	socket := flag.String("socket", "", "path of the unix socket")
	control := flag.String("control", "", "address on the loopback for POST /state")
	flag.Parse()
	a := &agent{changed: make(chan struct{}), domains: map[string]*domain{}}
	a.set(State{TrustDomain: "example.org"})
	listener := must(net.Listen("unix", *socket))
	server := grpc.NewServer()
	workload.RegisterSpiffeWorkloadAPIServer(server, a)
	go func() { log.Fatal(server.Serve(listener)) }()
	http.HandleFunc("POST /state", func(w http.ResponseWriter, r *http.Request) {
		var state State
		if err := json.NewDecoder(r.Body).Decode(&state); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		json.NewEncoder(w).Encode(a.set(state))
	})
	if err := http.ListenAndServe(*control, nil); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}
