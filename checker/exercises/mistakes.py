"""A mistake that students make, and the mistakes that can be made in any exercise."""

from dataclasses import dataclass

# How much a student is told; `reports.feedback` says what each level holds.
LEVELS = ("verdict", "hint", "explain", "solution")


# Ids of mistakes that the grading itself finds.
UNEXPLAINED = "unexplained"
HARD_CODED = "answer-hard-coded"
NO_RETURN = "no-return"
FIXED_SIZES = "sizes-hard-coded"


@dataclass(frozen=True)
class Mistake:
    """A mistake that students make. The id is stable; documentation, hints and scoring read from here.

    The title says what is wrong, the hint asks a question and gives nothing away, the explanation says why it is
    wrong, and the correction is the right expression. A `remark` costs nothing.
    """

    id: str
    title: str
    hint: str
    explanation: str
    correction: str
    step: str | None = None
    remark: bool = False


# id, title, hint, explanation, correction
GENERAL = tuple(Mistake(*texts) for texts in (
    ("no-return", "the function returns nothing",
     "What does the last line of your function do with the result?",
     "A function without a return statement returns None. Its last line should return the result.",
     "return the result"),
    ("sizes-hard-coded", "a size is hard-coded",
     "What would happen in this line for arrays of other sizes?",
     "The function is right for the notebook's sizes and raises an exception for others.",
     "take the sizes from the arguments, as in X.shape"),
    ("answer-hard-coded", "the function returns the same result for every input",
     "What does your function return for other arguments?",
     "The result has to be computed from the arguments.", "see the completed notebook"),
    ("data-changed", "the notebook's own data were changed",
     "Is the answer computed from the data that the notebook gives?",
     "The answer is compared with that for the notebook's own data. Restore those cells, and run all cells again.",
     "the notebook's cells as they were"),
    ("function-missing", "the function is missing or has another name",
     "Is there a function with exactly the name that the notebook gives?",
     "The function is called by its name, with new inputs.", "the notebook's own first line of the function"),
    ("not-attempted", "the function is not filled in yet",
     "What is the first intermediate result that the function needs, and what is its shape?",
     "The function still returns zeros.", "see the completed notebook"),
    ("shapes-do-not-fit", "the shapes of two arrays do not fit together",
     "Write down the shape of each array. Which product or stacking do you want, and which dimensions have to agree?",
     "A matrix product needs as many columns on the left as rows on the right; arrays that are stacked have to agree "
     "in every other dimension.",
     "an order or a transpose in which the inner dimensions agree"),
    ("elementwise-product", "* multiplies element by element where a matrix product is needed",
     "Which operator is the matrix product in NumPy?",
     "`*` multiplies element by element; the matrix product is `@` or np.matmul.", "@ in place of *"),
    ("name-not-defined", "a name is not defined", "Where should this name get its value?",
     "A name has to be an argument, a local variable or defined in an earlier cell before it is used.", ""),
    ("arguments-do-not-fit", "the function takes other arguments than the notebook passes",
     "Compare the first line of your function with the notebook's: does it take the same arguments?",
     "The notebook passes the arguments by position, so the function must take exactly these.", ""),
    ("syntax-error", "a cell is not valid Python",
     "Are all brackets and quotes closed, and is every line indented consistently?",
     "Python could not read this line, so nothing in its cell was run.", ""),
    ("package-missing", "an imported package is not installed", "Do you need this package?",
     "Only the packages that the notebook itself imports can be relied on.", "import numpy as np"),
    ("unexplained", "wrong, cause unknown",
     "Print the shapes of your intermediate results. Which is the first that you did not expect?",
     "The answer differs from the reference, and no combination of known mistakes gives it.",
     "see the completed notebook"),
))  # fmt: skip
