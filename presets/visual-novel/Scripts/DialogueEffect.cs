using System;

namespace Spark.VisualNovel
{
    /// <summary>Adds to a variable.</summary>
    [Serializable]
    public sealed class DialogueEffect
    {
        public string variable;
        public int add;

        public void ApplyTo(StoryState state)
        {
            state.Set(variable, state.Get(variable) + add);
        }
    }
}
