package audit_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
)

// treeHashes stores the hashes of a tree as package tlog numbers them.
type treeHashes []tlog.Hash

func (h treeHashes) ReadHashes(at []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(at))
	for i, n := range at {
		found[i] = h[n]
	}
	return found, nil
}

// proofLine is a line of the proof as docs/audit-log.md describes it.
type proofLine struct {
	Checkpoint string `json:"checkpoint"`
	Export     struct {
		SHA256    string `json:"sha256"`
		Key       string `json:"key"`
		Signature string `json:"signature"`
	} `json:"export"`
}

// sealedText returns the sealed text in the line of an entry.
var sealedText = regexp.MustCompile(`^(\{.*"personal_commitment":"[\w-]{43}"),"seq":`)

// This test uses nothing of package audit to verify: signed notes, a transparency log, SHA-256 and Ed25519 of others.
func TestExportIsVerifiedWithStandardTools(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write(t, 35)
	raw := b.export(t, audit.FormatNDJSON, domain.AuditQuery{})
	id, err := b.signer.PublicKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(auditformat.VerifierKey(id))
	if err != nil {
		t.Fatal(err)
	}

	var entries, texts [][]byte
	var roots []tlog.Tree
	var stored treeHashes
	records := int64(0)
	record := func(data []byte) {
		hashes, err := tlog.StoredHashes(records, data, stored)
		if err != nil {
			t.Fatal(err)
		}
		stored, records, texts = append(stored, hashes...), records+1, append(texts, data)
	}
	before := 0
	for line := range bytes.Lines(raw) {
		var p proofLine
		if err := json.Unmarshal(line, &p); err != nil {
			t.Fatal(err)
		}
		switch {
		case p.Checkpoint != "":
			opened, err := note.Open([]byte(p.Checkpoint), note.VerifierList(verifier))
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(opened.Text, "\n")
			var number, first, last int
			if _, err := fmt.Sscanf(lines[3], "segment %d entries %d-%d ", &number, &first, &last); err != nil {
				t.Fatal(err)
			}
			record([]byte(lines[3]))
			for _, text := range entries[first-1 : last] {
				record(text)
			}
			root, err := tlog.TreeHash(records, stored)
			if err != nil || lines[1] != strconv.FormatInt(records, 10) || lines[2] != root.String() {
				t.Fatalf("checkpoint %d has the size %s and the root %s, want %d and %s (%v)", number, lines[1], lines[2], records,
					root, err)
			}
			roots = append(roots, tlog.Tree{N: records, Hash: root})
		case p.Export.Key != "":
			verifyStatement(t, line, raw[:before], p, id)
		default:
			entries = append(entries, append(bytes.Clone(sealedText.FindSubmatch(line)[1]), '}'))
		}
		before += len(line)
	}
	if len(roots) != 5 || len(entries) != 36 {
		t.Fatalf("%d checkpoints and %d entries, want 5 and 36", len(roots), len(entries))
	}
	head := roots[len(roots)-1]
	for _, earlier := range roots {
		proof, err := tlog.ProveTree(head.N, earlier.N, stored)
		if err != nil || tlog.CheckTree(proof, head.N, head.Hash, earlier.N, earlier.Hash) != nil {
			t.Errorf("the tree of %d leaves is no prefix of that of %d (%v)", earlier.N, head.N, err)
		}
	}
	for n, text := range texts {
		proof, err := tlog.ProveRecord(head.N, int64(n), stored)
		if err != nil || tlog.CheckRecord(proof, head.N, head.Hash, int64(n), tlog.RecordHash(text)) != nil {
			t.Errorf("record %d is not in the tree (%v)", n, err)
		}
	}
}

// verifyStatement verifies the last line of an export.
func verifyStatement(t *testing.T, line, before []byte, p proofLine, id string) {
	t.Helper()
	if sum := sha256.Sum256(before); p.Export.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("the file has the digest %x, want %s", sum, p.Export.SHA256)
	}
	statement := bytes.TrimSuffix(bytes.TrimPrefix(bytes.TrimSpace(line), []byte(`{"export":`)), []byte("}"))
	signed := append([]byte("ostiary audit export v1 "), bytes.Replace(statement, []byte(p.Export.Signature), nil, 1)...)
	public, err1 := base64.RawURLEncoding.DecodeString(id)
	signature, err2 := base64.RawURLEncoding.DecodeString(p.Export.Signature)
	if err1 != nil || err2 != nil || p.Export.Key != id || !ed25519.Verify(public, signed, signature) {
		t.Errorf("the statement is not signed by %s: %s", id, line)
	}
}
