package carrier_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/reevenet/reeve/internal/bus/carrier"
	"github.com/reevenet/reeve/internal/bus/grpcx"
	"github.com/reevenet/reeve/internal/bus/wire"
)

// machine is a certificate that signs itself, and a pool of it alone.
func machine(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, public, private)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(signed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, pool
}

// Between machines both ends prove who they are, and whatever carrier was chosen for unix sockets, this is grpc-go's.
func TestBetweenMachinesBothEndsProveWhoTheyAre(t *testing.T) {
	server, knowsServer := machine(t)
	client, knowsClient := machine(t)
	secure := credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: knowsClient,
	})
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := serveAt(t, at, carrier.NewServer(grpcx.Server{Creds: secure}, carrier.Fast, echo))

	mutual := &tls.Config{RootCAs: knowsServer, Certificates: []tls.Certificate{client}}
	s := dial(t, carrier.Client{Address: address, TLS: mutual})
	b := wire.Batch{Bytes: filled(100_000)}
	if err := s.Send(&b); err != nil {
		t.Fatal(err)
	}
	if err := s.Recv(&b); err != nil || b.Len() != 100_000 {
		t.Errorf("%d bytes came back, %v", b.Len(), err)
	}
	for name, config := range map[string]*tls.Config{
		"a client without a certificate":              {RootCAs: knowsServer},
		"a client that doesn't know the server's own": {Certificates: []tls.Certificate{client}},
	} {
		s, err := carrier.Client{Address: address, TLS: config}.Dial(t.Context())
		if err == nil {
			err = s.Recv(&b)
			s.Close()
		}
		if err == nil {
			t.Errorf("%s was served", name)
		}
	}
}
