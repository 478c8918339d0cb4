"""What is shown of stored runs: tables, pages, pictures, goals. Nothing here is measured."""
