package node

import (
	"context"
	"fmt"

	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/proof"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// proof makes the file that proves an accepted block, from what the host keeps of it.
func (n *Node) proof(ctx context.Context, a *asker, chain, at string) ([]byte, error) {
	c, found, err := n.accepted(ctx, a, chain, at)
	if err != nil {
		return nil, err
	}
	if found.GetHeight() == 0 {
		return nil, fmt.Errorf("%w: it is the genesis block, which nobody decides and the genesis file fixes",
			gateway.ErrNoProof)
	}
	r, err := ask[*vmv1.GetConsensusBlockResponse](ctx, a, c.Name, &vmv1.GetConsensusBlock{BlockId: found.GetBlockId()})
	if err != nil {
		return nil, err
	}
	if r.GetBlock() == nil {
		return nil, gateway.ErrNoBlock
	}
	return proofOf(block.Chain{NetworkID: n.NetworkNumber(), ID: c.ID}, r.GetBlock())
}

// proofOf puts header and certificate together. It doesn't check the certificate: whoever gets the file does.
func proofOf(c block.Chain, a *vmv1.AcceptedBlock) ([]byte, error) {
	if len(a.GetCertificate()) == 0 {
		return nil, fmt.Errorf("%w: it was accepted without a certificate", gateway.ErrNoProof)
	}
	b, err := block.Decode(c, a.GetConsensusBlock())
	if err != nil {
		return nil, err
	}
	height, certificate, err := finality.DecodeProof(a.GetCertificate())
	if err != nil {
		return nil, err
	}
	if height != b.Height || certificate.Block != b.ID() {
		return nil, fmt.Errorf("the node keeps the certificate of another block with block %s", b.ID().Short())
	}
	p := proof.Proof{Header: b.Sealed(c), Certificate: certificate}
	return p.Encode(), nil
}
