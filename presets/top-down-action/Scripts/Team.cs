namespace Spark.TopDownAction
{
    /// <summary>Who belongs together: nobody hurts its own side.</summary>
    public enum Team
    {
        Player,
        Enemy,
    }
}
