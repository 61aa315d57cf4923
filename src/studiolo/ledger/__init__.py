"""What can be read from the ledger: exports for other programs, and the record of what became of everybody's proposals.

What may not enter: writing. Rows are made and chained in `store`, in the transaction of what they tell of.
"""
