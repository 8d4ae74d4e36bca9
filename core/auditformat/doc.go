// Package auditformat defines the bytes of the audit log: the sealed text of an entry, its commitments to personal
// data, the digests of a segment, and the signed text of a checkpoint. They are permanent: docs/audit-log.md describes
// them, so that other programs can verify the log. A new form is added beside the old one and never replaces it.
package auditformat
