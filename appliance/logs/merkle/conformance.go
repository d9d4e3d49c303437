// What Go's own packages say of notes and proofs: a line of JSON in, a line out, "" where it is right. For the tests.
package main

import (
	"bufio"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type question struct {
	Kind    string // note, inclusion or consistency
	Note    string
	Vkeys   []string
	Proof   []tlog.Hash
	Size    int64
	Root    tlog.Hash
	Index   int64
	Leaf    tlog.Hash
	Old     int64
	OldRoot tlog.Hash
}

// cosigner verifies cosignature/v1 of c2sp.org/tlog-cosignature.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }
func (c cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	text := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), msg)
	return ed25519.Verify(c.key, []byte(text), sig[8:])
}

func verifier(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || key[0] != 4 {
		return note.NewVerifier(vkey)
	}
	var hash uint32
	_, err = fmt.Sscanf(parts[1], "%08x", &hash)
	return cosigner{parts[0], hash, key[1:]}, err
}

func answer(q question) error {
	switch q.Kind {
	case "inclusion":
		return tlog.CheckRecord(q.Proof, q.Size, q.Root, q.Index, q.Leaf)
	case "consistency":
		return tlog.CheckTree(q.Proof, q.Size, q.Root, q.Old, q.OldRoot)
	}
	var verifiers []note.Verifier
	for _, vkey := range q.Vkeys {
		v, err := verifier(vkey)
		if err != nil {
			return err
		}
		verifiers = append(verifiers, v)
	}
	n, err := note.Open([]byte(q.Note), note.VerifierList(verifiers...))
	if err != nil {
		return err
	}
	if len(n.Sigs) != len(verifiers) {
		return fmt.Errorf("%d of %d keys have signed", len(n.Sigs), len(verifiers))
	}
	return nil
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var q question
		err := json.Unmarshal(lines.Bytes(), &q)
		if err == nil {
			err = answer(q)
		}
		text := ""
		if err != nil {
			text = err.Error()
		}
		out, _ := json.Marshal(text)
		fmt.Println(string(out))
	}
}
